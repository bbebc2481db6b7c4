package redirect

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// setting lets the kernel take packets from outside for 127.0.0.0/8, which it drops otherwise, even those that a rule of
// this node sent there.
const setting = "proc/sys/net/ipv4/conf/all/route_localnet"

// The guard keeps closed what the setting opens beside NMI: every service of the node that listens on the loopback address
// because nobody else is to reach it. It stands in the table mangle, which a packet passes before NMI's address is put into
// it: whoever names a loopback address from outside is dropped there, also one who claims to come from one. kube-proxy's
// and the kubelet's own guard lets the latter pass, and goes away with them, so ours stands beside it.
//
// The comment remembers, beyond this process's end, whether the setting is ours to take back.
const (
	guardMatch = "-d 127.0.0.0/8 ! -i lo -m comment --comment "
	guardOurs  = "strongroom-set-route-localnet"
	guardOnly  = "strongroom-guards-localhost"
)

func guard(comment string) string { return guardMatch + comment + " -j DROP" }

// guards are the rules of a chain that are ours, as listed.
func guards(rules []string) []string {
	var ours []string
	for _, rule := range rules {
		if strings.Contains(rule, guardOurs) || strings.Contains(rule, guardOnly) {
			ours = append(ours, rule)
		}
	}
	return ours
}

// setByUs says whether a guard remembers that the setting is ours.
func setByUs(rules []string) bool {
	return slices.ContainsFunc(rules, func(rule string) bool { return strings.Contains(rule, guardOurs) })
}

// planGuard is the input that leaves one guard, the wanted one; empty when that is so.
func planGuard(have []string, comment string) string {
	ours := guards(have)
	// Some versions of the tools put quotes around every comment.
	if len(ours) == 1 && strings.ReplaceAll(ours[0], `"`, "") == guard(comment) {
		return ""
	}
	return commit("mangle", append(deletions(ours), "-I PREROUTING 1 "+guard(comment)))
}

func deletions(rules []string) []string {
	var lines []string
	for _, rule := range rules {
		lines = append(lines, "-D PREROUTING "+rule)
	}
	return lines
}

// ensureLocalnet puts the guard up first, then opens what it guards.
func (r *Redirect) ensureLocalnet(ctx context.Context) error {
	on, err := r.localnet()
	if err != nil {
		return err
	}
	_, err = r.settle(ctx, func(ctx context.Context) (string, error) {
		have, err := r.listed(ctx, r.chosen, "mangle", "PREROUTING")
		if !on || setByUs(have) {
			return planGuard(have, guardOurs), err
		}
		return planGuard(have, guardOnly), err
	})
	if err != nil || on {
		return err
	}
	if err := r.setLocalnet("1"); err != nil {
		return fault.Wrap(err, fault.Denied, r.settingPath(), "cannot be set to 1, without which pods led to %s reach nobody", r.config.Target.Addr()).
			Mend("set net.ipv4.conf.all.route_localnet=1 on the node (sysctl), mount the node's / at /host so that /host/proc/sys can be written, or let NMI listen on an address of the node")
	}
	r.config.Log.Info("the node's loopback address takes what is led to it from outside, and a rule drops all else that comes for it", logkey.Path, r.settingPath())
	return nil
}

func (r *Redirect) settingPath() string { return filepath.Join(r.config.HostRoot+"/", setting) }

// localnet reads the setting. What stands for all interfaces counts for each.
func (r *Redirect) localnet() (bool, error) {
	text, err := os.ReadFile(r.settingPath())
	if err != nil {
		return false, fault.Wrap(err, fault.Unavailable, r.settingPath(), "cannot be read").
			Mend("mount the node's / at /host with what is mounted beneath it, or let NMI listen on an address of the node")
	}
	return strings.TrimSpace(string(text)) == "1", nil
}

func (r *Redirect) setLocalnet(value string) error {
	f, err := os.OpenFile(r.settingPath(), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// closeLocalnet takes the setting back when it is ours alone, then the guard away. Where the kubelet or kube-proxy has a
// guard, the setting may by now be theirs too: kube-proxy sets it once, at its start, and node ports on localhost would
// cease. It stays then, behind their guard.
func (r *Redirect) closeLocalnet(ctx context.Context, t *tool) error {
	have, err := r.listed(ctx, t, "mangle", "PREROUTING")
	if err != nil || len(guards(have)) == 0 {
		return err
	}
	if setByUs(have) {
		if err := r.restoreLocalnet(ctx, t); err != nil {
			return err
		}
	}
	_, err = r.settleWith(ctx, t, func(ctx context.Context) (string, error) {
		have, err := r.listed(ctx, t, "mangle", "PREROUTING")
		return commit("mangle", deletions(guards(have))), err
	})
	return err
}

func (r *Redirect) restoreLocalnet(ctx context.Context, t *tool) error {
	kube, err := r.listed(ctx, t, "filter", "KUBE-FIREWALL")
	if err != nil {
		return err
	}
	for _, rule := range kube {
		if strings.Contains(rule, "-d 127.0.0.0/8") && strings.HasSuffix(rule, "-j DROP") {
			r.config.Log.Info("route_localnet stays 1: Kubernetes guards it on this node, and may need it", logkey.Path, r.settingPath())
			return nil
		}
	}
	err = r.setLocalnet("0")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(err, fault.Denied, r.settingPath(), "cannot be set back to 0").
			Mend("set net.ipv4.conf.all.route_localnet=0 on the node (sysctl)")
	}
	return nil
}
