package stress

import (
	"context"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// watch samples until ctx ends: ages for every point of the plot, memory with them.
func (s *storm) watch(ctx context.Context) {
	tick := time.NewTicker(bucket)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.sample()
		}
	}
}

func (s *storm) sample() {
	oldest := time.Duration(0)
	for _, n := range s.nodes {
		oldest = max(oldest, n.oldest())
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	rss := resident()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ages = append(s.ages, oldest)
	s.phase.oldest = max(s.phase.oldest, oldest)
	s.phase.heap, s.phase.rss = max(s.phase.heap, memory.HeapAlloc), max(s.phase.rss, rss)
}

// look reads every file of every pod. Whatever the weather, each must hold what the vault had, and none may be older than
// the product says it is. Once the weather has been good for an interval each must hold what the vault has now. It gives the number of pods that are not mounted.
func (s *storm) look(p Phase, calm bool) (unmounted int) {
	for _, n := range s.nodes {
		for _, pod := range n.pods {
			pod.mu.Lock()
			target, mounted, failure := pod.target, !pod.mounted.IsZero(), pod.failure
			pod.mu.Unlock()
			if !mounted {
				unmounted++
				if calm {
					s.complain("%s is not mounted: %v", filepath.Base(target), failure)
				}
				continue
			}
			s.lookInto(n, target, calm)
		}
	}
	return unmounted
}

func (s *storm) lookInto(n *node, target string, calm bool) {
	n.mu.Lock()
	since, told := n.served[target]
	n.mu.Unlock()
	if !told {
		return // its pod is being replaced at this moment
	}
	name, first := filepath.Base(target), -1
	for i := range s.config.Objects {
		text, err := n.file(target, objectOf(i))
		if err != nil {
			s.complain("%s: %v", name, err)
			return
		}
		serial, ok := serialOf(text, i)
		switch {
		case !ok || serial > s.azure.present():
			s.complain("%s/%s holds what the vault never had: %q", name, objectOf(i), text)
			return
		}
		if first < 0 || serial < first {
			first = serial
		}
	}
	end, overtaken := s.azure.overtaken(first)
	switch {
	case overtaken && end.Sub(s.start) < since:
		s.complain("%s is said to be as of %s, but its content was replaced at %s", name, since, end.Sub(s.start))
	case overtaken && calm:
		s.complain("%s holds change %d, %s after it was replaced", name, first, time.Since(end))
	}
}

// serialOf reads which change a file is of.
func serialOf(text string, object int) (int, bool) {
	number, found := strings.CutPrefix(text, objectOf(object)+" of change ")
	serial, err := strconv.Atoi(number)
	return serial, found && err == nil && text == valueOf(object, serial)
}
