package mint

import (
	"crypto/x509/pkix"
	"strings"

	"strongroom/internal/fault"
)

// ParseSubject reads a distinguished name as certificate policies write it: "CN=www.example.com, O=Contoso". Values
// may be quoted, and a backslash keeps a comma in one.
func ParseSubject(text string) (pkix.Name, error) {
	var name pkix.Name
	for _, part := range splitName(text) {
		key, value, found := strings.Cut(part, "=")
		if !found || !setField(&name, strings.ToUpper(strings.TrimSpace(key)), unquote(value)) {
			return pkix.Name{}, fault.New(fault.Invalid, "subject "+text, "is not a distinguished name")
		}
	}
	return name, nil
}

func setField(n *pkix.Name, key, value string) bool {
	fields := map[string]*[]string{
		"O": &n.Organization, "OU": &n.OrganizationalUnit, "C": &n.Country, "L": &n.Locality,
		"S": &n.Province, "ST": &n.Province, "STREET": &n.StreetAddress, "POSTALCODE": &n.PostalCode,
	}
	switch field := fields[key]; {
	case key == "CN":
		n.CommonName = value
	case key == "SERIALNUMBER":
		n.SerialNumber = value
	case field != nil:
		*field = append(*field, value)
	default:
		return false
	}
	return true
}

// splitName cuts at commas that are neither quoted nor escaped.
func splitName(text string) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ',', ';':
			if !quoted {
				parts = append(parts, text[start:i])
				start = i + 1
			}
		}
	}
	if strings.TrimSpace(text[start:]) != "" {
		parts = append(parts, text[start:])
	}
	return parts
}

func unquote(value string) string {
	value = strings.Trim(strings.TrimSpace(value), `"`)
	return strings.NewReplacer(`\\`, `\`, `\`, "").Replace(value)
}
