//go:build wine && windows

#include "textflag.h"

// func hostPaths(number uintptr, a, b unsafe.Pointer, c uintptr) int
TEXT ·hostPaths(SB), NOSPLIT, $0-40
	MOVQ number+0(FP), AX
	MOVQ a+8(FP), DI
	MOVQ b+16(FP), SI
	MOVQ c+24(FP), DX
	SYSCALL
	MOVQ AX, ret+32(FP)
	RET

// func hostFile(number, file uintptr, a unsafe.Pointer, b uintptr) int
TEXT ·hostFile(SB), NOSPLIT, $0-40
	MOVQ number+0(FP), AX
	MOVQ file+8(FP), DI
	MOVQ a+16(FP), SI
	MOVQ b+24(FP), DX
	SYSCALL
	MOVQ AX, ret+32(FP)
	RET
