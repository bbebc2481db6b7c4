package azurejson

import (
	"strings"
	"unicode"

	"strongroom/internal/azure/cloud"
	"strongroom/internal/fault"
	"strongroom/internal/form"
)

var guidForm = form.New(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// guid checks a client id.
func (s *settings) guid(k keys) string {
	text := s.value(k)
	if text == "" || guidForm.MatchString(text) {
		return strings.ToLower(text)
	}
	s.wrong(k, "is not a client id").Mend("a client id has the form 00000000-0000-0000-0000-000000000000: az identity show --ids <id> --query clientId --output tsv")
	return ""
}

// name checks what becomes one part of an address.
func (s *settings) name(k keys) string {
	text := s.value(k)
	if len(text) > 256 || strings.ContainsFunc(text, func(c rune) bool {
		return c == unicode.ReplacementChar || !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_.()", c)
	}) {
		s.wrong(k, "holds characters that it may not")
		return ""
	}
	return text
}

// cloud finds the endpoints. An empty name is refused as the original refuses it: in another cloud than the cluster's,
// every login would fail with words that point elsewhere.
func (s *settings) cloud(custom func() ([]byte, error)) cloud.Cloud {
	name := s.value(keyCloud)
	canonical, known := cloud.Canonical(name)
	switch {
	case name == "":
		s.wrong(keyCloud, "is missing or empty").Mend("set it to %s, or to the cloud that the cluster is in", cloud.Public)
	case !known:
		s.wrong(keyCloud, "there is no cloud of that name").
			Mend("use one of %s, %s, %s, %s", cloud.Public, cloud.USGovernment, cloud.China, cloud.Stack)
	case canonical == cloud.Stack:
		return s.custom(custom)
	default:
		c, err := cloud.Named(canonical)
		if err != nil { // it is one of the table's
			s.wrong(keyCloud, "there is no cloud of that name")
		}
		return c
	}
	return cloud.Cloud{}
}

// custom reads the endpoints of a cloud of one's own.
func (s *settings) custom(read func() ([]byte, error)) cloud.Cloud {
	text, err := read()
	if err != nil {
		s.problems = append(s.problems, fault.Wrap(err, fault.Invalid, s.source+", "+s.key(keyCloud), "the file with the endpoints of %s cannot be read", cloud.Stack).
			Mend("set AZURE_ENVIRONMENT_FILEPATH to the file's path, and mount it into the pod"))
		return cloud.Cloud{}
	}
	c, err := cloud.Parse(text)
	switch {
	case err != nil:
		s.problems = append(s.problems, fault.Wrap(err, fault.Invalid, s.source+", "+s.key(keyCloud), "the file with the endpoints of %s is wrong", cloud.Stack))
	case c.ResourceManager == "":
		s.problems = append(s.problems, fault.New(fault.Invalid, "cloud environment file, key resourceManagerEndpoint", "is missing or empty").
			Mend("identities are put on machines through it: add its https address"))
	}
	return c
}
