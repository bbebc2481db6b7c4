package fault

import "strings"

// List is several failures told as one, so that a manifest is mended in one go. It is of the kind of its worst
// member: an Invalid one first (only an edit helps), then a refusal, then whatever may pass by itself.
type List []*Error

// severity orders kinds for List.Kind, worst first.
var severity = []Kind{Invalid, Unsupported, Denied, NotFound, Expired, Internal, Throttled, Unavailable, Busy}

// Kind is the kind that decides what a caller should do about the whole list.
func (l List) Kind() Kind {
	for _, k := range severity {
		for _, e := range l {
			if e.Kind == k {
				return k
			}
		}
	}
	return Internal
}

// Error joins the members' texts with "; ".
func (l List) Error() string {
	texts := make([]string, len(l))
	for i, e := range l {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap lets errors.Is, errors.As and Explain see every member.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// AsError is nil for an empty list, the member itself for one, and otherwise one Error of the list's Kind that wraps
// the list.
func (l List) AsError() error {
	switch len(l) {
	case 0:
		return nil
	case 1:
		return l[0]
	}
	return &Error{Kind: l.Kind(), Message: "several problems", Cause: l}
}
