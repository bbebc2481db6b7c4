package socket

import (
	"math/bits"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	kernel32  = windows.NewLazySystemDLL("kernel32.dll")
	counter   = kernel32.NewProc("QueryPerformanceCounter")
	frequency = sync.OnceValue(func() (perSecond uint64) {
		_, _, _ = kernel32.NewProc("QueryPerformanceFrequency").Call(uintptr(unsafe.Pointer(&perSecond)))
		return perSecond
	})
)

// monotonic reads the performance counter, which all processes of this machine share and which neither runs back nor
// follows the wall clock.
func monotonic() (time.Duration, bool) {
	var ticks uint64
	done, _, _ := counter.Call(uintptr(unsafe.Pointer(&ticks)))
	perSecond := frequency()
	if done == 0 || perSecond == 0 {
		return 0, false
	}
	high, low := bits.Mul64(ticks%perSecond, uint64(time.Second))
	rest, _ := bits.Div64(high, low, perSecond)
	return time.Duration(ticks/perSecond)*time.Second + time.Duration(rest), true
}
