//go:build linux

package kill

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	volumesOfANode = 8
	killsOfANode   = 500 // then another node begins, since an Azure keeps all versions
)

// tally is what a run tells of itself.
type tally struct {
	kills                  int
	driver, provider, both int
	startup                int       // of them, those that fell into a start
	waiting                [4]int    // volumes at the moment of a kill, by what they waited for
	halfMade               int       // volumes that were found half-made
	answered               int64     // calls that succeeded
	first, last            time.Time // of the kills
}

func (c *tally) String() string {
	took := c.last.Sub(c.first)
	return fmt.Sprintf("%d kills in %s, %.1f per second: driver %d, provider %d, both %d; %d of them during a start; "+
		"volumes at that moment: %d publishing, %d rotating, %d unpublishing, %d idle; %d found half-made; %d calls answered",
		c.kills, took.Round(time.Second), float64(c.kills)/took.Seconds(), c.driver, c.provider, c.both, c.startup,
		c.waiting[publishing], c.waiting[rotating], c.waiting[unpublishing], c.waiting[idle], c.halfMade, c.answered)
}

// Whatever is killed, and when: a target is complete at one version or absent, what was answered holds, the next call
// succeeds and nothing half-made outlives it, and at the end there is nothing.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	storm(t, "plain", number(t, killsEnv+"_PLAIN", 20))
}

func storm(t *testing.T, backing string, kills int) {
	t.Helper()
	seed := uint64(number(t, seedEnv, int(rand.Uint32())))
	t.Logf("%s: seed %d (%s=%d)", backing, seed, seedEnv, seed)
	total := &tally{first: time.Now()}
	for batch := 0; total.kills < kills && !t.Failed(); batch++ {
		n := newNode(t, volumesOfANode, backing)
		n.live(min(killsOfANode, kills-total.kills), rand.New(rand.NewPCG(seed, uint64(batch))), total)
		total.answered += n.answered.Load()
		n.giveUp()
		t.Logf("%s: %s", backing, total)
	}
}

// live is a node's whole life: so many kills, and a clean end.
func (n *node) live(kills int, random *rand.Rand, total *tally) {
	var volumes []*podVolume
	for id := range volumesOfANode {
		volumes = append(volumes, n.newVolume(id, rand.New(rand.NewPCG(random.Uint64(), uint64(id)))))
	}
	var err error
	if n.before, err = tree(n.dir); err != nil {
		n.t.Fatal(err)
	}
	for range kills {
		n.round(volumes, random, total)
		total.kills++
		total.last = time.Now()
		if n.t.Failed() {
			n.t.Logf("after kill %d\ndriver: %s\nprovider: %s", total.kills, n.driver.said(), n.provider.said())
			return
		}
	}
	n.leave(volumes)
}

// round is one life of the processes: start, recover, serve, be killed.
func (n *node) round(volumes []*podVolume, random *rand.Rand, total *tally) {
	hitDriver, hitProvider := choose(random)
	early := random.IntN(8) == 0
	ready := n.start()
	if early {
		pause(random, 40*time.Millisecond)
		total.startup++
	} else {
		ready()
		n.recoverAll(volumes)
		if n.t.Failed() {
			return
		}
	}
	if !early {
		n.killAmid(volumes, random, hitDriver, hitProvider, total)
	} else {
		n.hit(hitDriver, hitProvider)
	}
	switch {
	case hitDriver && hitProvider:
		total.both++
	case hitDriver:
		total.driver++
	default:
		total.provider++
	}
	for _, v := range volumes {
		if v.survived(hitDriver) {
			total.halfMade++
		}
	}
}

func choose(random *rand.Rand) (driver, provider bool) {
	switch k := random.IntN(10); {
	case k < 5:
		return true, false
	case k < 7:
		return false, true
	}
	return true, true
}

// start starts what is dead and gives a wait until it serves.
func (n *node) start() (ready func()) {
	for _, p := range []*process{n.driver, n.provider} {
		if !p.alive() {
			p.begin()
		}
	}
	return func() {
		<-n.driver.serving
		<-n.provider.serving
	}
}

func (n *node) hit(driver, provider bool) {
	if driver {
		n.driver.kill()
	}
	if provider {
		n.provider.kill()
	}
}

// recoverAll is every kubelet's first call after a restart, all at once.
func (n *node) recoverAll(volumes []*podVolume) {
	kubelet, hangUp := n.dial()
	defer hangUp()
	var group sync.WaitGroup
	for _, v := range volumes {
		group.Go(func() { v.recover(kubelet) })
	}
	group.Wait()
	n.nothingElse(volumes)
}

// killAmid kills while all callers are at it, and returns when the last of them knows.
func (n *node) killAmid(volumes []*podVolume, random *rand.Rand, driver, provider bool, total *tally) {
	kubelet, hangUp := n.dial()
	defer hangUp()
	var group sync.WaitGroup
	var over atomic.Bool
	for _, v := range volumes {
		group.Go(func() { v.live(kubelet, over.Load) })
	}
	pause(random, 25*time.Millisecond)
	for _, v := range volumes {
		total.waiting[v.doing.Load()]++
	}
	n.hit(driver, provider)
	over.Store(true)
	group.Wait()
}

// pause is the moment of death, not a wait for anything.
func pause(random *rand.Rand, latest time.Duration) {
	time.Sleep(time.Duration(random.Int64N(int64(latest))))
}

// nothingElse holds everything outside of the volumes against what was there before, and the two sockets.
func (n *node) nothingElse(volumes []*podVolume) {
	all, err := tree(n.dir)
	if err != nil {
		n.t.Error(err)
		return
	}
	var left []string
	for _, path := range all {
		inside := slices.ContainsFunc(volumes, func(v *podVolume) bool {
			return v.published && strings.HasPrefix(n.dir+path+"/", v.target+"/")
		})
		if !inside && !slices.Contains(n.before, path) && path != "/driver/csi.sock" && path != "/providers/azure.sock" {
			left = append(left, path)
		}
	}
	if len(left) > 0 {
		n.t.Errorf("left over: %v", left)
	}
}

// leave ends the node's life: everything is unpublished, the processes end by themselves, and nothing is left at all.
func (n *node) leave(volumes []*podVolume) {
	n.start()()
	kubelet, hangUp := n.dial()
	for _, v := range volumes {
		if err := v.unpublish(kubelet); err != nil {
			n.t.Error(err)
		}
	}
	hangUp()
	n.driver.stop()
	n.provider.stop()
	all, err := tree(n.dir)
	if err != nil || !slices.Equal(all, n.before) {
		n.t.Errorf("at the end there is %v, and at the beginning there was %v: %v", all, n.before, err)
	}
	if left := mountsBelow(n.dir); len(left) > 0 {
		n.t.Errorf("mounts left: %v", left)
	}
}
