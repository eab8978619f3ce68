"""The reference networks' emulators, what they must give, and a driver in C++ for them."""
