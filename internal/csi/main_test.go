package csi_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Ginkgo, which runs the official suite in a process of its own, listens for signals until the end.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/onsi/ginkgo/v2/internal/interrupt_handler.(*InterruptHandler).registerForInterrupts.func2"))
}
