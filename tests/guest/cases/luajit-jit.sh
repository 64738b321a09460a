#!/bin/sh
# needs: luajit
luajit -e 'local s=0 for i=1,1e7 do s=s+i end print(s)  local f=require("ffi") f.cdef"int getpid(void);" print(f.C.getpid()>0)'
