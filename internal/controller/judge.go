package controller

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/form"
)

// Reasons of the condition Accepted.
const (
	reasonAccepted = "Accepted"
	reasonInvalid  = "Invalid"        // it cannot be mounted, or its Secrets cannot be made, as it is written
	reasonConflict = "SecretConflict" // by itself it is in order, but another class makes the same Secret
)

// longest is how many bytes a condition's message has at most: as many as an event's.
const longest = 1024

// judge is the condition that a class deserves, without its time. It is the zero one where nobody can tell: a provider
// whose parameters are not known here, in a class whose own parts are in order.
func (f *Findings) judge(class secretsstore.Class) secretsstore.Condition {
	decoder, known := f.Decoders[class.Spec.Provider]
	problems := f.ofSpec(class)
	var decoded Decoded
	if known && len(class.Spec.Parameters) > 0 {
		var err error
		decoded, err = decoder.Decode(class)
		problems = append(problems, each(err)...)
	}
	problems = append(problems, ofSecrets(class, decoded.Files)...)
	conflicts := f.conflicts(class)
	c := secretsstore.Condition{Type: secretsstore.ConditionAccepted, Status: secretsstore.False, ObservedGeneration: class.Metadata.Generation}
	switch {
	case len(problems) > 0:
		c.Reason, c.Message = reasonInvalid, message(append(problems, conflicts...))
	case len(conflicts) > 0:
		c.Reason, c.Message = reasonConflict, message(conflicts)
	case !known:
		return secretsstore.Condition{}
	default:
		c.Status, c.Reason = secretsstore.True, reasonAccepted
		c.Message = bounded(append([]string{"nothing is wrong with it"}, decoded.Notes...))
	}
	return c
}

var providerNames = form.New(`^[a-zA-Z0-9_-]{1,30}$`)

// ofSpec is what the driver asks of any provider's class.
func (f *Findings) ofSpec(class secretsstore.Class) (problems []error) {
	wrong := func(format string, args ...any) *fault.Error {
		e := fault.New(fault.Invalid, "", format, args...)
		problems = append(problems, e)
		return e
	}
	name, provider := idOf(class), class.Spec.Provider
	switch {
	case provider == "":
		wrong("provider not set in %s", name).Mend("spec.provider: azure")
	case !providerNames.MatchString(provider):
		wrong("invalid provider: provider %q", fault.Shorten(provider)).Mend("set spec.provider to at most 30 letters, digits, - and _")
	default:
		if meant := f.otherCase(provider); meant != "" {
			wrong("provider %q is unknown, since capitals count", provider).Mend("spec.provider: %s", meant)
		}
	}
	if len(class.Spec.Parameters) == 0 {
		wrong("parameters not set in %s", name)
	}
	if _, _, err := secretsstore.RotationOf(class.Spec.Parameters); err != nil {
		problems = append(problems, err)
	}
	return problems
}

// otherCase is the known provider that a name means if its capitals are overlooked; empty when the name is known itself.
func (f *Findings) otherCase(name string) string {
	if _, known := f.Decoders[name]; known {
		return ""
	}
	for provider := range f.Decoders {
		if strings.EqualFold(provider, name) {
			return provider
		}
	}
	return ""
}

// conflicts tells of Secrets that other classes make as well: each would undo what the other writes.
func (f *Findings) conflicts(class secretsstore.Class) (problems []error) {
	rivals := f.classes.rivals(class)
	told := map[string]bool{}
	for i, object := range class.Spec.SecretObjects {
		name := strings.TrimSpace(object.SecretName)
		if others := rivals[name]; len(others) > 0 && !told[name] {
			told[name] = true
			problems = append(problems, fault.New(fault.Invalid, fmt.Sprintf("secretObjects[%d].secretName", i), "secret %s is also made by %s",
				fault.Shorten(name), fault.Shorten(strings.Join(others, ", "))).Mend("give one of them another secretName"))
		}
	}
	return problems
}

// each takes a list of problems apart.
func each(err error) []error {
	var list fault.List
	switch {
	case err == nil:
		return nil
	case errors.As(err, &list):
		return list.Unwrap()
	}
	return []error{err}
}

// message tells every problem; where there is one alone, also what would mend it.
func message(problems []error) string {
	if len(problems) == 1 {
		return bounded([]string{fault.Explain(problems[0])})
	}
	texts := []string{fmt.Sprintf("%d problems", len(problems))}
	for _, problem := range problems {
		texts = append(texts, problem.Error())
	}
	return bounded(texts)
}

// bounded joins texts to one line of at most longest bytes, and says how many did not fit.
func bounded(texts []string) string {
	const room = longest - len("; and 1000000 more")
	var line strings.Builder
	for i, text := range texts {
		text = cut(strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " "), room-100)
		switch {
		case i == 0:
			line.WriteString(text)
		case line.Len()+len("; ")+len(text) <= room:
			line.WriteString("; " + text)
		default:
			return fmt.Sprintf("%s; and %d more", line.String(), len(texts)-i)
		}
	}
	return line.String()
}

// cut ends a text after at most so many bytes, between two characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	most -= len("...")
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "..."
}
