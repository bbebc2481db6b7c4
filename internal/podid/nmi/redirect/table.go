package redirect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"strongroom/internal/fault"
)

const (
	// lock is how many seconds a tool waits for another one on this node that changes rules.
	lock = "5"
	// within bounds every run of a tool: waiting for the lock, and the largest tables on the slowest node.
	within = 30 * time.Second
	// tries is how often a change is tried that somebody else's came in between of.
	tries = 3
)

// Exit is how a program ended that ended badly.
type Exit struct {
	Code int
	Said string // on its error output, cut
}

func (e *Exit) Error() string { return fmt.Sprintf("exit code %d: %s", e.Code, e.Said) }

// exited is true for a program that ran and ended badly, with one of the codes if any are given.
func exited(err error, codes ...int) bool {
	var exit *Exit
	if !errors.As(err, &exit) {
		return false
	}
	for _, code := range codes {
		if exit.Code == code {
			return true
		}
	}
	return len(codes) == 0
}

// run runs a tool, bounded.
func (r *Redirect) run(ctx context.Context, path, input string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	output, err := r.config.Exec(ctx, path, args, input)
	if err == nil {
		return output, nil
	}
	return "", fault.Wrap(err, kindOf(err), path, "%s failed", strings.Join(args, " ")).Mend("%s", remedyOf(err))
}

// kindOf and remedyOf read a tool's codes: 4 is another one that holds the lock too long, or a refusal by the kernel.
func kindOf(err error) fault.Kind {
	switch {
	case exited(err, 4):
		return fault.Busy
	case exited(err):
		return fault.Internal
	}
	return fault.Unavailable
}

func remedyOf(err error) string {
	if forbidden(err) {
		return "give NMI's container the capabilities NET_ADMIN and NET_RAW"
	}
	if errors.Is(err, fs.ErrPermission) { // it did not even begin
		return "give NMI's container the capability SYS_CHROOT, with which it runs the node's own tools"
	}
	return ""
}

// forbidden is true of a tool that the kernel refused for want of a capability.
func forbidden(err error) bool {
	var exit *Exit
	return errors.As(err, &exit) && (strings.Contains(exit.Said, "Permission denied") || strings.Contains(exit.Said, "not permitted"))
}

// listed gives the rules of a chain without their "-A CHAIN"; nil and no error when there is no such chain.
func (r *Redirect) listed(ctx context.Context, t *tool, table, chain string) ([]string, error) {
	output, err := r.run(ctx, t.list, "", "-w", lock, "-t", table, "-S", chain)
	if exited(err, 1) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return rulesIn(output, chain), nil
}

// rulesIn are the rules of a chain in a listing, each without its chain; never nil, for the chain exists.
func rulesIn(output, chain string) []string {
	rules := []string{}
	for line := range strings.Lines(output) {
		if rule, found := strings.CutPrefix(strings.TrimSpace(line), "-A "+chain+" "); found {
			rules = append(rules, rule)
		}
	}
	return rules
}

// rules lists what concerns us in the table nat. Two small lists are cheaper than one of the table, of which kube-proxy
// makes tens of thousands of rules.
func (r *Redirect) rules(ctx context.Context) (natRules, error) { return r.rulesOf(ctx, r.chosen) }

func (r *Redirect) rulesOf(ctx context.Context, t *tool) (natRules, error) {
	prerouting, err := r.listed(ctx, t, "nat", "PREROUTING")
	if err != nil {
		return natRules{}, err
	}
	ours, err := r.listed(ctx, t, "nat", chain)
	return natRules{prerouting: prerouting, chain: ours}, err
}

// settle looks and changes until there is nothing to change: so what was written is looked at once more, and a change that
// somebody else's came in between of is made of what stands then.
func (r *Redirect) settle(ctx context.Context, plan func(context.Context) (string, error)) (changed bool, err error) {
	return r.settleWith(ctx, r.chosen, plan)
}

func (r *Redirect) settleWith(ctx context.Context, t *tool, plan func(context.Context) (string, error)) (changed bool, err error) {
	var refused error
	for try := range tries + 1 {
		input, err := plan(ctx)
		switch {
		case err != nil:
			return changed, err
		case input == "":
			return changed, nil
		case try == tries:
			continue
		}
		_, refused = r.run(ctx, t.restore, input, "-w", lock, "--noflush")
		if refused != nil && (ctx.Err() != nil || !exited(refused)) {
			return changed, refused
		}
		changed = changed || refused == nil
	}
	if refused != nil {
		return changed, refused
	}
	return changed, fault.New(fault.Internal, t.list, "rules do not stand after they were written %d times", tries).
		Mend("see who else changes them: %s -t nat -S PREROUTING; %s -t nat -S %s", t.list, t.list, chain)
}
