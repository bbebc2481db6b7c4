package secretsync

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
	"strongroom/internal/telemetry/logkey"
)

// remedy is what to do about a driver that may not write Secrets. The words are what people search for.
const remedy = "if the driver was installed with Helm, ensure syncSecret.enabled=true is set; otherwise bind its service account to the ClusterRole secretprovidersyncing-role"

// Off takes a Syncer's place in a driver that is not to write Secrets. Pods whose class asks for some are told, since
// one that waits for its Secret cannot know why it never comes. It asks nothing of the API. All fields are required.
type Off struct {
	Events Events
	Log    *slog.Logger

	mu    sync.Mutex
	asked map[string]string // Secrets a volume's class asks for, by target
}

// Mounted implements publish.Follower: it tells when a pod starts, and when its class asks for other Secrets than before.
// Of a volume that is older than this process the pod was told by an earlier one.
func (o *Off) Mounted(_ context.Context, m publish.Mounted) {
	names := namesOf(m.Class.Spec.SecretObjects)
	o.mu.Lock()
	before, known := o.asked[m.Volume.Target]
	if o.asked == nil {
		o.asked = map[string]string{}
	}
	o.asked[m.Volume.Target] = names
	o.mu.Unlock()
	if names == "" || names == before || !known && !m.First {
		return
	}
	pod, class := m.Volume.Pod, m.Volume.Pod.Namespace+"/"+m.Class.Metadata.Name
	err := fault.New(fault.Denied, "", "class %s asks for Kubernetes Secrets (%s), and the driver was started without leave to make any", class, fault.Bound(names, 400)).
		Mend("%s, and run the driver with --sync-secrets", remedy)
	o.Log.Warn("no Kubernetes Secret is made for a pod", logkey.Pod, pod.String(), logkey.Class, class, logkey.Error, fault.Explain(err))
	o.Events.Event(pod, true, ReasonFailed, fault.Explain(err))
}

// Forget is told that a volume is gone.
func (o *Off) Forget(target string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.asked, target)
}

func namesOf(objects []secretsstore.SecretObject) string {
	names := make([]string, 0, len(objects))
	for _, object := range objects {
		names = append(names, fault.Shorten(strings.TrimSpace(object.SecretName)))
	}
	return strings.Join(names, ", ")
}
