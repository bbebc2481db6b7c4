package nmi

import "strings"

// route is where a request goes.
type route uint8

const (
	malformed route = iota // no path that anybody writes in good faith
	absent                 // under identity or host, and nothing there
	podToken
	hostToken
	metadata  // instance metadata and its kin
	elsewhere // nothing of ours; the metadata service will say so
)

// classify reads a request's target as it stood on the wire. Only paths of plain characters are looked at any further: an
// encoded, doubled or backward slash, a dot segment, a semicolon may mean one thing here and another behind. Everything
// under /metadata/identity or /host that is not exactly a token path is absent, in whatever case it is written, so that
// nothing there is ever passed on. The token path's first segment is read without regard to case, as ever, and the rest
// of it exactly; one slash may follow.
func classify(target string) route {
	path, _, _ := strings.Cut(target, "?")
	segments, plain := split(path)
	if !plain {
		return malformed
	}
	if len(segments) == 0 {
		return elsewhere
	}
	rest := strings.Join(segments[1:], "/")
	switch first := segments[0]; {
	case strings.EqualFold(first, "metadata") && rest == "identity/oauth2/token":
		return podToken
	case strings.EqualFold(first, "metadata") && len(segments) > 1 && strings.EqualFold(segments[1], "identity"):
		return absent
	case strings.EqualFold(first, "metadata"):
		return metadata
	case first == "host" && rest == "token":
		return hostToken
	case strings.EqualFold(first, "host"):
		return absent
	}
	return elsewhere
}

// split cuts a path at its slashes. It is not plain when it holds anything but unreserved characters, an empty segment
// before its end, or dots alone.
func split(path string) (segments []string, plain bool) {
	inner, rooted := strings.CutPrefix(path, "/")
	if !rooted {
		return nil, false // a whole URL, as for a proxy, or an asterisk
	}
	inner = strings.TrimSuffix(inner, "/")
	if inner == "" {
		return nil, path == "/"
	}
	segments = strings.Split(inner, "/")
	for _, s := range segments {
		if strings.Trim(s, ".") == "" || strings.ContainsFunc(s, func(r rune) bool { return !unreserved(r) }) {
			return nil, false
		}
	}
	return segments, true
}

func unreserved(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r)
}
