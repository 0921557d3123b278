/* bcryptprimitives.dll, which Wine 8 lacks: Rust's wheels ask it for random bytes. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(void *to, ULONG length);

BOOL WINAPI ProcessPrng(unsigned char *to, size_t length)
{
    return SystemFunction036(to, (ULONG)length);
}
