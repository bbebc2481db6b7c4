package redirect_test

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"strongroom/internal/podid/nmi/redirect"
)

// kernel keeps rules as one does, in two kinds, and speaks as much of the tools' language as there is need for. A
// restore is one commit per table; a rule is its words.
type kernel struct {
	mu      sync.Mutex
	kinds   map[string]rules // "nft" and "legacy"
	plain   string           // the kind that plain iptables means
	runs    []string         // every run: program and arguments
	commits int              // how many tables were written
	flows   int              // connections to the metadata address that nobody led elsewhere
	before  func(program string)
	fail    map[string]error // by program
}

// rules of a kind, by table and chain.
type rules map[string]map[string][]string

func newKernel() *kernel {
	return &kernel{kinds: map[string]rules{"nft": newRules(), "legacy": newRules()}, plain: "nft", fail: map[string]error{}}
}

func newRules() rules {
	return rules{
		"nat":    {"PREROUTING": {}, "INPUT": {}, "OUTPUT": {}, "POSTROUTING": {}},
		"mangle": {"PREROUTING": {}, "FORWARD": {}},
		"filter": {"INPUT": {}, "FORWARD": {}, "OUTPUT": {}},
	}
}

// exec is what Config.Exec wants.
func (k *kernel) exec(ctx context.Context, program string, args []string, input string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := path.Base(program)
	k.runs = append(k.runs, name+" "+strings.Join(args, " "))
	if k.before != nil {
		k.before(name)
	}
	if err := k.fail[name]; err != nil || ctx.Err() != nil {
		return "", errorOf(err, ctx)
	}
	if name == "conntrack" {
		if k.flows == 0 {
			return "", &redirect.Exit{Code: 1, Said: "0 flow entries have been deleted."}
		}
		k.flows = 0
		return "", nil
	}
	all := k.kinds[k.kindOf(name)]
	switch {
	case strings.HasSuffix(name, "-save"):
		return all.save(after(args, "-t")), nil
	case strings.HasSuffix(name, "-restore"):
		n, err := all.restore(input)
		k.commits += n
		return "", err
	}
	return all.list(after(args, "-t"), after(args, "-S"))
}

func errorOf(err error, ctx context.Context) error {
	if err != nil {
		return err
	}
	return ctx.Err()
}

func (k *kernel) kindOf(name string) string {
	for _, kind := range []string{"nft", "legacy"} {
		if strings.Contains(name, kind) {
			return kind
		}
	}
	return k.plain
}

// after is the argument behind a flag.
func after(args []string, flag string) string {
	if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

func (r rules) list(table, chain string) (string, error) {
	have, there := r[table][chain]
	if !there {
		return "", &redirect.Exit{Code: 1, Said: "No chain/target/match by that name."}
	}
	text := "-N " + chain + "\n"
	if chain == strings.ToUpper(chain) {
		text = "-P " + chain + " ACCEPT\n"
	}
	for _, rule := range have {
		text += "-A " + chain + " " + rule + "\n"
	}
	return text, nil
}

// save is everything, or one table.
func (r rules) save(only string) string {
	var b strings.Builder
	for _, table := range slices.Sorted(maps.Keys(r)) {
		if only != "" && only != table {
			continue
		}
		fmt.Fprintf(&b, "*%s\n", table)
		chains := slices.Sorted(maps.Keys(r[table]))
		for _, chain := range chains {
			fmt.Fprintf(&b, ":%s - [0:0]\n", chain)
		}
		for _, chain := range chains {
			for _, rule := range r[table][chain] {
				fmt.Fprintf(&b, "-A %s %s\n", chain, rule)
			}
		}
		b.WriteString("COMMIT\n")
	}
	return b.String()
}

// restore changes without flushing what is not declared.
func (r rules) restore(input string) (commits int, err error) {
	var table string
	var work map[string][]string
	for line := range strings.Lines(input) {
		line = strings.TrimSpace(line)
		switch {
		case line[0] == '*':
			table, work = line[1:], maps.Clone(r[line[1:]])
		case line == "COMMIT":
			r[table] = work
			commits++
		default:
			if err := change(work, line); err != nil {
				return commits, err
			}
		}
	}
	return commits, nil
}

func change(work map[string][]string, line string) error {
	refused := &redirect.Exit{Code: 1, Said: "line failed: " + line}
	if declared, is := strings.CutPrefix(line, ":"); is {
		work[strings.Fields(declared)[0]] = []string{}
		return nil
	}
	words := strings.SplitN(line, " ", 3)
	have, there := work[words[1]]
	if !there {
		return refused
	}
	switch words[0] {
	case "-A":
		work[words[1]] = append(slices.Clip(have), words[2])
	case "-I":
		work[words[1]] = append([]string{strings.TrimPrefix(words[2], "1 ")}, have...)
	case "-D":
		i := slices.Index(have, words[2])
		if i < 0 {
			return refused
		}
		work[words[1]] = slices.Delete(slices.Clone(have), i, i+1)
	case "-F":
		work[words[1]] = []string{}
	case "-X":
		if len(have) > 0 {
			return refused
		}
		delete(work, words[1])
	default:
		return refused
	}
	return nil
}
