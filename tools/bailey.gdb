# SPDX-License-Identifier: MIT
# gdb -x tools/bailey.gdb -ex 'bailey-symbols build' -p HOSTPID: a picoprocess with the library OS's symbols.
# HOSTPID stands in the HOST column of `bailey ps SANDBOX`.
set confirm off
set print pretty on
# Traps and kicks are everyday; guest memory is touched with faults fixed up.
handle SIGSYS SIGURG SIGSEGV SIGPIPE nostop noprint pass

define bailey-symbols
  symbol-file $arg0/pal/pal.img
  add-symbol-file $arg0/linux/linux.img
end
document bailey-symbols
bailey-symbols BUILD: symbols of pal.img and linux.img of a build folder; both lie where they are linked for.
end

define bailey-guest
  set $bailey_c = (unsigned long *)(($gs_base & ~0xfffful) + 0xa000 - 168)
  printf "guest rip %#lx rsp %#lx rbp %#lx rax %#lx orig_rax %ld\n", $bailey_c[16], $bailey_c[19], $bailey_c[4], $bailey_c[10], $bailey_c[15]
  x/i $bailey_c[16]
end
document bailey-guest
The guest's registers of the selected thread, if it is in the library OS (rip in 0x680000000000..0x6a0000000000).
end

define bailey-thread
  print *(struct pico_thread *)((struct dk_tb *)$gs_base)->libos
end
document bailey-thread
The library OS's object of the selected thread.
end

define bailey-state
  print *(struct lx_state *)((struct arena_root *)0x684000000000)->provider_root[1]
end
document bailey-state
The sandbox's global state.
end
