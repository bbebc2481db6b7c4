package redirect

import (
	"context"
	"io/fs"
	"strings"

	"strongroom/internal/telemetry/logkey"
)

// directories are where a node has its tools, the likelier first.
var directories = []string{"usr/sbin", "sbin", "usr/bin", "bin"}

const places = "/usr/sbin, /sbin, /usr/bin or /bin"

// tool is one kind of iptables: what lists and changes, what lists everything, and what changes a table in one commit.
type tool struct{ list, save, restore string }

// tools are the kinds a node has; nil where it has not. Plain is what the node's owner made of it, one of the others
// mostly.
type tools struct{ nft, legacy, plain *tool }

func (t tools) none() bool { return t.nft == nil && t.legacy == nil && t.plain == nil }

// programs maps the name of every program under a root to its path there. Links are not followed: most tools are links to
// absolute paths, which mean something else outside that root.
func programs(root fs.FS) map[string]string {
	found := map[string]string{}
	for _, dir := range directories {
		entries, _ := fs.ReadDir(root, dir) // a directory that is not there has no programs
		for _, entry := range entries {
			if _, known := found[entry.Name()]; !known && !entry.IsDir() {
				found[entry.Name()] = "/" + dir + "/" + entry.Name()
			}
		}
	}
	return found
}

// findTools takes a kind only with all of its programs.
func findTools(there map[string]string, program string) tools {
	find := func(name string) *tool {
		t := tool{list: there[name], save: there[name+"-save"], restore: there[name+"-restore"]}
		if t.list == "" || t.save == "" || t.restore == "" {
			return nil
		}
		return &t
	}
	return tools{nft: find(program + "-nft"), legacy: find(program + "-legacy"), plain: find(program)}
}

// choose finds out once which kind of rules the node uses. Where there is one kind it is that one, under the name its
// owner gave it. Where there are two, the kubelet's marks tell, then the number of rules, and where neither does it is
// again what the owner chose.
func (r *Redirect) choose(ctx context.Context) error {
	if r.chosen != nil {
		return nil
	}
	chosen := r.tools.plain
	if r.tools.nft != nil && r.tools.legacy != nil {
		var err error
		if chosen, err = r.inUse(ctx); err != nil {
			return err
		}
	}
	for _, one := range []*tool{r.tools.nft, r.tools.legacy} {
		if chosen == nil {
			chosen = one
		}
	}
	r.chosen = chosen
	r.config.Log.Info("rules are made with the node's own tool", logkey.Path, chosen.list)
	return nil
}

// inUse asks both kinds for what they have. The marks are asked for in one table of nftables alone, since all of it takes
// seconds where there are many services. Legacy lists only what the kernel holds; asked for a table, it would make one.
func (r *Redirect) inUse(ctx context.Context) (*tool, error) {
	marks, err := r.usage(ctx, r.tools.nft, "-t", "mangle")
	if err != nil {
		return nil, err
	}
	legacy, err := r.usage(ctx, r.tools.legacy)
	if err != nil {
		return nil, err
	}
	if marks.marked != legacy.marked {
		return pick(marks.marked, r.tools.nft, r.tools.legacy), nil
	}
	nft, err := r.usage(ctx, r.tools.nft)
	if err != nil {
		return nil, err
	}
	if nft.rules == legacy.rules && r.tools.plain != nil {
		return r.tools.plain, nil
	}
	return pick(nft.rules >= legacy.rules, r.tools.nft, r.tools.legacy), nil
}

func pick(first bool, a, b *tool) *tool {
	if first {
		return a
	}
	return b
}

// usage is how much a kind of rules is used.
type usage struct {
	marked bool // the kubelet's marks are there
	rules  int
}

// usage of a kind the kernel does not know is none. One that this process may not look at is unknown: the rules may be
// there.
func (r *Redirect) usage(ctx context.Context, t *tool, args ...string) (usage, error) {
	output, err := r.run(ctx, t.save, "", args...)
	if exited(err) && !forbidden(err) {
		return usage{}, nil
	}
	return usageIn(output), err
}

func usageIn(saved string) usage {
	var u usage
	for line := range strings.Lines(saved) {
		switch {
		case strings.HasPrefix(line, ":KUBE-IPTABLES-HINT "), strings.HasPrefix(line, ":KUBE-KUBELET-CANARY "):
			u.marked = true
		case strings.HasPrefix(line, "-A "):
			u.rules++
		}
	}
	return u
}
