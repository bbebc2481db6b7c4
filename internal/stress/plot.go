package stress

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// The plot's size, in its own units.
const (
	plotWidth, panelHeight, plotLeft, plotTop, panelGap = 960, 180, 60, 40, 50
	plotRight                                           = plotLeft + plotWidth
)

// SVG is the report as a picture: requests per second and the age of what is served over virtual time, with the phases.
func (r Report) SVG() string {
	var b strings.Builder
	height := plotTop + 2*panelHeight + panelGap + 40
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", plotRight+20, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", plotRight+20, height)
	r.bands(&b)
	r.requests(&b)
	r.served(&b)
	b.WriteString("</svg>\n")
	return b.String()
}

func (r Report) span() time.Duration {
	if len(r.Rows) == 0 {
		return bucket
	}
	return r.Rows[len(r.Rows)-1].To
}

func (r Report) x(at time.Duration) float64 {
	return plotLeft + plotWidth*min(1, at.Seconds()/r.span().Seconds())
}

// bands mark the phases, and in each the trouble.
func (r Report) bands(b *strings.Builder) {
	bottom := plotTop + 2*panelHeight + panelGap
	for i, row := range r.Rows {
		from, to := r.x(row.From), r.x(row.To)
		if i%2 == 0 {
			fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="#f4f4f4"/>`+"\n", from, plotTop, to-from, bottom-plotTop)
		}
		if row.Phase.Trouble > 0 {
			fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="#f6dcd6"/>`+"\n", from, plotTop, r.x(row.From+row.Phase.Trouble)-from, bottom-plotTop)
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%d">%d</text>`+"\n", from+3, plotTop-6, i+1)
	}
	for minute := 0; minute <= int(r.span().Minutes()); minute += 10 {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%d min</text>`+"\n", r.x(time.Duration(minute)*time.Minute), bottom+16, minute)
	}
}

func (r Report) requests(b *strings.Builder) {
	lines := []struct {
		color, name string
		of          func(traffic) int
	}{
		{"#2563a8", "requests per second", func(t traffic) int { return t.Reads + t.Tokens }},
		{"#d97706", "answered 429", func(t traffic) int { return t.Throttled }},
		{"#b91c1c", "broken or given up", func(t traffic) int { return t.Broken }},
	}
	most := 1.0
	for _, t := range r.Traffic {
		most = max(most, float64(t.Reads+t.Tokens)/bucket.Seconds())
	}
	scale(b, plotTop, most, "/s")
	for i, line := range lines {
		values := make([]float64, len(r.Traffic))
		for k, t := range r.Traffic {
			values[k] = float64(line.of(t)) / bucket.Seconds()
		}
		r.curve(b, plotTop, most, line.color, values)
		legend(b, plotTop, i, line.color, line.name)
	}
}

func (r Report) served(b *strings.Builder) {
	top, most := plotTop+panelHeight+panelGap, 1.0
	values := make([]float64, len(r.Ages))
	for i, age := range r.Ages {
		values[i] = age.Minutes()
		most = max(most, values[i])
	}
	scale(b, top, most, " min")
	r.curve(b, top, most, "#15803d", values)
	legend(b, top, 0, "#15803d", "oldest content served, minutes")
}

// curve leaves out the points that lie on a level line.
func (r Report) curve(b *strings.Builder, top int, most float64, color string, values []float64) {
	fmt.Fprintf(b, `<polyline fill="none" stroke="%s" points="`, color)
	for i, v := range values {
		if i > 0 && i+1 < len(values) && values[i-1] == v && values[i+1] == v {
			continue
		}
		fmt.Fprintf(b, "%.1f,%.1f ", r.x(time.Duration(i+1)*bucket), float64(top+panelHeight)-panelHeight*v/most)
	}
	b.WriteString(`"/>` + "\n")
}

func scale(b *strings.Builder, top int, most float64, unit string) {
	for _, part := range []float64{0, 0.5, 1} {
		y := float64(top+panelHeight) - part*panelHeight
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#ccc"/><text x="%d" y="%.1f" text-anchor="end">%.0f%s</text>`+"\n",
			plotLeft, y, plotRight, plotLeft-6, y+4, math.Round(most*part), unit)
	}
}

func legend(b *strings.Builder, top, place int, color, name string) {
	x := plotLeft + 10 + 180*place
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", x, top+panelHeight+14, color, name)
}
