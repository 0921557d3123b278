"""Many sidecars that follow one store: which version speaks where, and what makes it go further or back."""
