package flexvolume

import (
	"path/filepath"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/secret"
)

// sighting tells when the node first saw a pod: the kubelet makes the directory pods/<uid> before anything of the pod is
// mounted, and after whoever started the pod had done what came before. So what was asked of a vault since then is fresh
// enough for it, and a hundred pods that start together can share.
type sighting struct {
	target string // <kubelet>/pods/<uid>/volumes/azure~kv/<name>
	clock  clock.Clock
}

// FirstSeen is false where the target is not below the pod's own directory, or nobody knows when that was made.
func (s sighting) FirstSeen(pod secret.Pod) (time.Time, bool) {
	dir := filepath.Dir(filepath.Dir(filepath.Dir(s.target)))
	if pod.UID == "" || filepath.Base(dir) != pod.UID {
		return time.Time{}, false
	}
	made, ok := madeAt(dir)
	if !ok {
		return time.Time{}, false
	}
	now := s.clock.Now() // with the reading of the monotonic clock that a moment needs
	return now.Add(-max(now.Round(0).Sub(made), 0)), true
}

func (s sighting) known(pod secret.Pod) bool {
	_, ok := s.FirstSeen(pod)
	return ok
}
