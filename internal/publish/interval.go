package publish

import (
	"strings"
	"time"

	"strongroom/api/secretsstore"
)

// takeInterval takes the parameter out of a volume's attributes, since it is the driver's: a provider may refuse what it
// does not know, and an edit of it does not make the content another. Where rotation is off, no class turns it on.
func (p *Publisher) takeInterval(attributes map[string]string) (time.Duration, error) {
	interval, stated, err := secretsstore.RotationOf(attributes)
	if err != nil {
		return 0, err
	}
	for key := range attributes {
		if strings.EqualFold(key, secretsstore.ParamRotation) {
			delete(attributes, key)
		}
	}
	if !stated || p.Interval == Never {
		interval = p.Interval
	}
	return interval, nil
}
