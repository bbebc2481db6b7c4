package az

import (
	"os"
	"strings"
	"testing"
	"time"

	"strongroom/docs"
)

const setupPage = "docs/azure-setup.md"

// section is what stands beneath one heading of the page.
type section struct {
	heading string
	run     []docs.Block
	not     []docs.Block // the page says why
}

// sections cuts the page where its headings are.
func sections(t *testing.T) []section {
	t.Helper()
	tree := os.DirFS("../..")
	blocks, err := docs.Blocks(tree)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../" + setupPage)
	if err != nil {
		t.Fatal(err)
	}
	var list []section
	number, fenced := 0, false
	for line := range strings.Lines(string(text)) {
		number++
		fenced = fenced != strings.HasPrefix(line, "```")
		if heading, found := strings.CutPrefix(line, "## "); found && !fenced {
			list = append(list, section{heading: strings.TrimSpace(heading)})
		}
		for _, b := range blocks {
			if b.File != setupPage || b.Line != number+1 || b.Language() != "bash" {
				continue
			}
			last := &list[len(list)-1]
			if strings.Contains(b.Info, "not-run") {
				last.not = append(last.not, b)
			} else {
				last.run = append(last.run, b)
			}
		}
	}
	return list
}

// Every block of the page is run in its order in one terminal, and each section is followed by a look at what it did.
func TestTheCommandsOfThePage(t *testing.T) {
	t.Parallel()
	p := page
	s := newShell(t, home,
		"<application id>", operatorID, "<client secret>", "'"+operatorSecret+"'", "<file with key and certificate>", "operator.pem",
		"<file with token>", "token", "<tenant>", tenant, "<subscription>", subscription,
		"<resource group>", p.group, "<cluster>", p.cluster, "<identity>", "shop-front", "<application>", "shop-back", "<key vault>", p.rolesVault,
		"<scale set>", p.scaleSet, "<machine>", p.machine, "<namespace>", "shop", "<service account>", "web",
		"<key vault with access policies>", p.policiesVault)
	k, err := operatorKey()
	if err != nil {
		t.Fatal(err)
	}
	s.file(t, "operator.pem", k.private+k.certificate)
	s.file(t, "token", home.accountToken(t, "ci:runner"))
	v := &visit{w: home, s: s, p: p}
	looked := map[string]bool{}
	ran := 0
	for _, part := range sections(t) {
		for _, b := range part.not {
			t.Logf("NOT RUN  %s, %s: the page says why", b, part.heading)
		}
		if len(part.run) == 0 {
			continue
		}
		began, count := time.Now(), 0
		for _, b := range part.run {
			s.must(t, b.Text)
			count += commands(b.Text)
		}
		look, known := looks[part.heading]
		if !known {
			t.Errorf("nobody looks what the commands of %q did", part.heading)
			continue
		}
		took := time.Since(began)
		look(t, v)
		looked[part.heading] = true
		ran += count
		t.Logf("ran %2d in %4.1f s  %s", count, took.Seconds(), part.heading)
	}
	for heading := range looks {
		if !looked[heading] {
			t.Errorf("the page has no commands beneath %q any more", heading)
		}
	}
	t.Logf("%d uses of az in %.1f s", ran, s.spent.Seconds())
	if ran < 50 {
		t.Errorf("only %d uses of az were found", ran)
	}
}
