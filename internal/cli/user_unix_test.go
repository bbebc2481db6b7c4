//go:build unix

package cli_test

import "syscall"

func becomeSomebodyElse() error { return syscall.Setuid(65534) }
