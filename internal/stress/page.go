package stress

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// The marks between which a storm writes its part of the page.
const (
	pageBegin = "<!-- storm:begin -->"
	pageEnd   = "<!-- storm:end -->"
)

// Write puts the report into a page between the marks, and the picture beside it.
func (r Report) Write(page, picture, machine string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(text), pageBegin)
	_, after, ends := strings.Cut(rest, pageEnd)
	if !begins || !ends {
		return fmt.Errorf("%s lacks %s or %s", page, pageBegin, pageEnd)
	}
	if err := os.WriteFile(picture, []byte(r.SVG()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(page, []byte(before+pageBegin+"\n"+r.section(machine)+pageEnd+after), 0o644)
}

// section is what stands between the marks.
func (r Report) section(machine string) string {
	var b strings.Builder
	c := r.Config
	fmt.Fprintf(&b, "%d nodes with %d pods each, of %d ServiceAccounts; %d objects in every pod; an interval of %s; one vault that answers\n%s requests in 10 s. %s of virtual time took %s on %s.\n\n",
		c.Nodes, c.Pods, c.Accounts, c.Objects, spell(c.Interval), thousands(c.Limit), spell(r.span()), spell(r.took()), machine)
	for i, row := range r.Rows {
		fmt.Fprintf(&b, "%d. **%s**: %s.\n", i+1, row.Phase.Name, row.Phase.Tried)
	}
	fmt.Fprintf(&b, "\n%s", r.Table())
	b.WriteString("\n![requests per second, and the age of the oldest content served, over the phases](reliability.svg)\n")
	return b.String()
}

func (r Report) took() (sum time.Duration) {
	for _, row := range r.Rows {
		sum += row.Took
	}
	return sum
}

// spell is a duration for people, in whole seconds.
func spell(d time.Duration) string {
	d = d.Round(time.Second)
	minutes, seconds := int(d.Minutes()), int(d.Seconds())%60
	switch {
	case minutes == 0:
		return fmt.Sprintf("%d s", seconds)
	case seconds == 0:
		return fmt.Sprintf("%d min", minutes)
	}
	return fmt.Sprintf("%d min %d s", minutes, seconds)
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
