"""cxx_host.py LIBRARY THROWS: cxx_host.c's deeds by an interpreter."""
import ctypes
import sys

library = ctypes.CDLL(sys.argv[1], mode=0)  # RTLD_LOCAL
library.cxx_throw.restype = library.cxx_unwound.restype = ctypes.c_ulong
library.cxx_leak.argtypes = [ctypes.c_uint, ctypes.c_size_t]

print("caught", library.cxx_throw(int(sys.argv[2]), 200))
print("unwound", library.cxx_unwound())
print("bad_alloc", library.cxx_bad_alloc())
print("nothrow", library.cxx_nothrow())
print("new_handler", library.cxx_new_handler())
library.cxx_leak(300, 777)
print("global unwinder",
      "yes" if hasattr(ctypes.CDLL(None), "_Unwind_RaiseException") else "none")
sys.exit(42)
