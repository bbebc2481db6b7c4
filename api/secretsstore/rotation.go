package secretsstore

import (
	"strings"
	"time"

	"strongroom/internal/fault"
)

// longestRotation is the longest interval a class may ask for: beyond a day nobody can say whether it works.
const longestRotation = 24 * time.Hour

// RotationOf reads how old a class lets its content grow out of its parameters, which are left alone. The name counts in
// any case of its letters. An absent or empty parameter is not stated, and the driver's own interval holds.
//
// Errors are of kind Invalid: no duration, shorter than MinRotation, longer than a day, or said twice.
// There is no word for off, because that is the operator's to say, for the whole driver.
func RotationOf(parameters map[string]string) (interval time.Duration, stated bool, err error) {
	const name = ParamRotation
	text := ""
	for key, value := range parameters {
		if value = strings.TrimSpace(value); value == "" || !strings.EqualFold(key, name) {
			continue
		}
		if text != "" && text != value {
			return 0, false, wrongRotation("is given twice with different values").Mend("keep only %s", name)
		}
		text = value
	}
	if text == "" {
		return 0, false, nil
	}
	interval, err = time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, false, wrongRotation("is not a duration: %q", fault.Shorten(text)).Mend(`%s: "30s"`, name)
	case interval < MinRotation || interval > longestRotation:
		return 0, false, wrongRotation("%s is not between %s and %s", interval, MinRotation, longestRotation).
			Mend(`%s: "30s"; rotation is turned off for the whole driver, with its flag --enable-secret-rotation=false`, name)
	}
	return interval, true, nil
}

func wrongRotation(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "parameter "+ParamRotation, format, args...)
}
