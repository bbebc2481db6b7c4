package publish

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"strongroom/internal/fault"
)

// safely makes a fault of a panic. Where a kubelet asks, its door does so; the timer has none, and one volume's defect
// must not take the driver away from all others. What was panicked with is not told, since it may carry a secret, but
// its type and the place are.
func safely(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "", "the driver failed by a defect of its own: %T at %s", p, place()).
				Mend("report this line")
		}
	}()
	return work()
}

// place is where the panic that is being recovered from happened: the innermost frame that is not the runtime's.
func place() string {
	calls := make([]uintptr, 32)
	frames := runtime.CallersFrames(calls[:runtime.Callers(3, calls)])
	for {
		frame, more := frames.Next()
		if !more || !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
		}
	}
}
