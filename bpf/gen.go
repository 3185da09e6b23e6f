package bpf

//go:generate go tool bpf2go -go-package bpf -target amd64,arm64 -type queue_counters -type cpu_counters -cflags "-O2 -g -Wall -Werror -mcpu=v3" tunobs c/tunobs.bpf.c

// The steering programs and filters also run on kernels that lack the 32-bit
// jumps of -mcpu=v3 (Linux 5.1). Debian keeps <asm/types.h>, which <linux/bpf.h>
// includes, in a folder that clang does not search for BPF.
//go:generate go tool bpf2go -go-package bpf -target bpfel -type xdp_counters -cflags "-O2 -g -Wall -Werror -mcpu=v2 -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu" device c/device.bpf.c
//go:generate go tool bpf2go -go-package bpf -target bpfel -type holder -cflags "-O2 -g -Wall -Werror -mcpu=v2" holders c/holders.bpf.c
//go:generate go tool bpf2go -go-package bpf -target bpfel -type sample -type leaf -cflags "-O2 -g -Wall -Werror -mcpu=v3 -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu" stacks c/stacks.bpf.c
