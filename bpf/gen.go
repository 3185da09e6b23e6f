package bpf

//go:generate go tool bpf2go -go-package bpf -target amd64,arm64 -type queue_counters -type cpu_counters -cflags "-O2 -g -Wall -Werror -mcpu=v3" tunobs tunobs.bpf.c
