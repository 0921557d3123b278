/* The complex numbers of ucrtbase.dll, which Wine 8 has in name only and NumPy computes with. They are called
   x_NAME here, since the compiler knows NAME itself, and passed in Microsoft's manner: as structures. */
#include <complex.h>

typedef struct { double re, im; } D;
typedef struct { float re, im; } F;

static double complex d(D z) { return __builtin_complex(z.re, z.im); }
static float complex f(F z) { return __builtin_complex(z.re, z.im); }
static D ud(double complex c) { D r = { __real__ c, __imag__ c }; return r; }
static F uf(float complex c) { F r = { __real__ c, __imag__ c }; return r; }

#define ONE(n) \
    D x_##n(D z) { return ud(n(d(z))); } \
    D x_##n##l(D z) { return ud(n(d(z))); } \
    F x_##n##f(F z) { return uf(n##f(f(z))); }
#define REAL(n) \
    double x_##n(D z) { return n(d(z)); } \
    double x_##n##l(D z) { return n(d(z)); } \
    float x_##n##f(F z) { return n##f(f(z)); }
#define TWO(n) \
    D x_##n(D a, D b) { return ud(n(d(a), d(b))); } \
    D x_##n##l(D a, D b) { return ud(n(d(a), d(b))); } \
    F x_##n##f(F a, F b) { return uf(n##f(f(a), f(b))); }

ONE(cacos) ONE(cacosh) ONE(casin) ONE(casinh) ONE(catan) ONE(catanh) ONE(ccos) ONE(ccosh) ONE(cexp) ONE(clog)
ONE(conj) ONE(cproj) ONE(csin) ONE(csinh) ONE(csqrt) ONE(ctan) ONE(ctanh)
REAL(cabs) REAL(carg) REAL(cimag) REAL(creal)
TWO(cpow)
