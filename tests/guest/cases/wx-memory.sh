#!/bin/sh
# needs: python3 grep
# covers: programs that make writable and executable memory
echo 'foo123' | grep -P 'o(?=1)\d+' 
python3 -c 'import ctypes; f=ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x+1); print(f(41)); print(ctypes.CDLL(None).abs(-5))'
