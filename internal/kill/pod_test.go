//go:build linux

package kill

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	csipb "github.com/container-storage-interface/spec/lib/go/csi"
)

// What a caller is waiting for when the kill comes. idle is nothing.
const (
	idle int32 = iota
	publishing
	rotating
	unpublishing
)

// answerTime is how long a call may take before the run is a failure: nothing here takes a second.
const answerTime = time.Minute

// podVolume is one pod's, and what its kubelet knows of it. Only its caller touches it, but for doing.
type podVolume struct {
	*node
	id     int
	target string
	random *rand.Rand
	doing  atomic.Int32 // what was asked for and has not been answered

	published bool  // the last answer: it stands, or it is gone
	unsure    int32 // the call that got no answer, or an error; idle: none
	died      bool  // the driver has died since it got that call
	seen      int   // the version at the last answer
	set       int   // the version in the vault
}

func (n *node) newVolume(id int, random *rand.Rand) *podVolume {
	v := &podVolume{node: n, id: id, target: filepath.Join(n.dir, "pods", fmt.Sprint(id), "mount"), random: random}
	if err := os.Mkdir(filepath.Dir(v.target), 0o755); err != nil { // the kubelet's part
		n.t.Fatal(err)
	}
	v.reshape()
	return v
}

// reshape changes what the volume's class asks for.
func (v *podVolume) reshape() {
	var text strings.Builder
	fmt.Fprintf(&text, `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: class-%d}
spec:
  provider: azure
  parameters:
    clientID: 9b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01
    keyvaultName: kill
    tenantID: 2f6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10
    objects: |
      array:
`, v.id)
	for _, name := range shapes[v.random.IntN(len(shapes))] {
		fmt.Fprintf(&text, "      - |\n        objectName: %s\n        objectType: secret\n        objectAlias: %s\n", secretOf(v.id), name)
	}
	name := fmt.Sprintf("class-%d.yaml", v.id)
	draft := filepath.Join(v.dir, "drafts", name)
	err := os.WriteFile(draft, []byte(text.String()), 0o644)
	if err == nil {
		err = os.Rename(draft, filepath.Join(v.dir, "classes", name))
	}
	if err != nil {
		v.t.Error(err)
	}
}

func (v *podVolume) publish(kubelet csipb.NodeClient) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	_, err := kubelet.NodePublishVolume(ctx, &csipb.NodePublishVolumeRequest{
		VolumeId: fmt.Sprintf("csi-%d", v.id), TargetPath: v.target, Readonly: true,
		VolumeCapability: &csipb.VolumeCapability{
			AccessType: &csipb.VolumeCapability_Mount{Mount: &csipb.VolumeCapability_MountVolume{}},
			AccessMode: &csipb.VolumeCapability_AccessMode{Mode: csipb.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY},
		},
		VolumeContext: map[string]string{
			"secretProviderClass": fmt.Sprintf("class-%d", v.id), "csi.storage.k8s.io/ephemeral": "true",
			"csi.storage.k8s.io/pod.name": fmt.Sprintf("pod-%d", v.id), "csi.storage.k8s.io/pod.namespace": "default",
			"csi.storage.k8s.io/pod.uid": fmt.Sprintf("uid-%d", v.id), "csi.storage.k8s.io/serviceAccount.name": "default",
			"csi.storage.k8s.io/serviceAccount.tokens": v.tokens,
		},
	})
	if ctx.Err() != nil {
		v.t.Errorf("volume %d: no answer in %s", v.id, answerTime)
	}
	return err
}

func (v *podVolume) unpublish(kubelet csipb.NodeClient) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	_, err := kubelet.NodeUnpublishVolume(ctx, &csipb.NodeUnpublishVolumeRequest{VolumeId: fmt.Sprintf("csi-%d", v.id), TargetPath: v.target})
	return err
}

// live does what a kubelet does until a call fails, which is when the kill has come.
func (v *podVolume) live(kubelet csipb.NodeClient, over func() bool) {
	for !over() {
		work := publishing
		switch {
		case v.published && v.random.IntN(3) == 0:
			work = unpublishing
		case v.published:
			work = rotating
			v.set++
			v.rotate(v.id, v.set)
			if v.random.IntN(4) == 0 {
				v.reshape()
			}
		}
		if !v.try(kubelet, work) {
			return
		}
	}
}

// try makes one call and takes note of the answer.
func (v *podVolume) try(kubelet csipb.NodeClient, work int32) bool {
	v.doing.Store(work)
	call := v.publish
	if work == unpublishing {
		call = v.unpublish
	}
	if err := call(kubelet); err != nil {
		v.unsure, v.died = work, false
		return false
	}
	v.doing.Store(idle)
	v.unsure, v.published, v.died = idle, work != unpublishing, false
	v.answered.Add(1)
	if s, err := look(v.target); err == nil && v.published {
		if v.seen, err = s.version(); err != nil {
			v.t.Errorf("volume %d after an answered publish: %v", v.id, err)
		}
	}
	return true
}

// survived holds the target against what the kubelet knows of it, after a kill. It says whether something half-made stands.
func (v *podVolume) survived(driverDied bool) (halfMade bool) {
	s, err := look(v.target)
	if err != nil {
		v.t.Errorf("volume %d: %v", v.id, err)
		return false
	}
	v.died = v.died || driverDied
	mustStand := v.published && v.unsure != unpublishing
	mustBeGone := !v.published && (v.unsure == idle || !v.died)
	switch {
	case mustBeGone:
		if s.exists || len(v.mounts()) > 0 {
			v.t.Errorf("volume %d was to be gone (%d): %s, mounts %v", v.id, v.unsure, s, v.mounts())
		}
		return false
	case mustStand || len(s.files) > 0:
		version, err := s.version()
		if err != nil {
			v.t.Errorf("volume %d (%d): %v", v.id, v.unsure, err)
		} else if version < v.seen && mustStand || version > v.set {
			v.t.Errorf("volume %d: version %d stands, %d was answered and %d is set", v.id, version, v.seen, v.set)
		}
	}
	return s.halfMade()
}

// recover is the first call after a restart: it must succeed, and nothing half-made is left after it.
func (v *podVolume) recover(kubelet csipb.NodeClient) {
	var err error
	remove := v.unsure == unpublishing || v.unsure == publishing && v.random.IntN(4) == 0
	if remove {
		err = v.unpublish(kubelet)
	} else {
		err = v.publish(kubelet)
	}
	if err != nil {
		v.t.Errorf("volume %d after the restart: %v\n%s\n%s", v.id, err, v.driver.said(), v.provider.said())
		return
	}
	v.published, v.unsure, v.died = !remove, idle, false
	v.doing.Store(idle)
	v.whole()
}

// whole holds the target against an answer: exactly one set and its layout, or nothing at all.
func (v *podVolume) whole() {
	s, err := look(v.target)
	if err != nil {
		v.t.Errorf("volume %d: %v", v.id, err)
		return
	}
	if !v.published {
		if s.exists || len(v.mounts()) > 0 {
			v.t.Errorf("volume %d is unpublished and there is: %s, mounts %v", v.id, s, v.mounts())
		}
		return
	}
	if v.seen, err = s.version(); err != nil || s.halfMade() || v.seen != v.set {
		v.t.Errorf("volume %d after a publish: %v; version %d of %d; %s", v.id, err, v.seen, v.set, s)
	}
	if len(v.mounts()) > 1 {
		v.t.Errorf("volume %d: mounts %v", v.id, v.mounts())
	}
}

// mounts are those at the target or in it.
func (v *podVolume) mounts() []string {
	return slices.DeleteFunc(mountsBelow(v.dir), func(at string) bool {
		return at != v.target && !strings.HasPrefix(at, v.target+"/")
	})
}
