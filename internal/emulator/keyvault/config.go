package keyvault

import (
	"time"

	"strongroom/internal/clock"
)

// Config is what a Server needs to know. Guard is the only field without a usable zero value.
type Config struct {
	// Clock tells the time of every attribute, deletion and pending certificate. Nil is the machine's clock.
	Clock clock.Clock

	// Guard says who a caller is and what it may do. Required: a nil Guard lets the first request panic, on purpose,
	// since the alternative would be a vault open to everyone.
	Guard Guard

	// Region is told in headers and in the text of some errors. Empty is "local".
	Region string

	// APIVersions are accepted besides the known ones, spelled as in the api-version query parameter. A version
	// nobody listed is refused with BadParameter, as clients with a typing error ought to notice.
	APIVersions []string

	// Traits are those of every vault that was not given its own. The zero value is an ordinary vault in a hurry:
	// deletions and certificates are settled at once.
	Traits Traits
}

// Traits are how one vault behaves. The zero value is valid.
type Traits struct {
	// Settling is how long a deletion or a recovery stays in the air: the object is then in neither place, as
	// clients of the real service see for some seconds. 0 settles at once.
	Settling time.Duration `yaml:"settling"`

	// Issuing is how long a new certificate stays pending. 0 completes with the first poll.
	Issuing time.Duration `yaml:"issuing"`

	// EmptyPages puts an empty page with a nextLink before every page of a list, which the service is free to do and
	// careless clients mistake for the end.
	EmptyPages bool `yaml:"emptyPages"`

	// PurgeProtection refuses purges and changes the recovery level to "Recoverable".
	PurgeProtection bool `yaml:"purgeProtection"`

	// RetentionDays is how long deleted objects can be recovered, 7 to 90. 0 is 90.
	RetentionDays int `yaml:"retentionDays"`

	// Encoding is how PKCS#12 values of certificates are encrypted where a seed does not say. Empty is Legacy.
	Encoding Encoding `yaml:"encoding"`

	// Limit is how many requests it answers; the real service says 4,000 reads of secrets in 10 s. Zero does not limit.
	Limit Limit `yaml:"limit"`
}

// Limit is Requests in each Per of time. What is over it is answered with 429 and the time until the next Per begins;
// such answers do not count.
type Limit struct {
	Requests int           `yaml:"requests"`
	Per      time.Duration `yaml:"per"` // 0 is 10 s
}

// Encoding is how a PKCS#12 container is encrypted. Clients must read both.
type Encoding string

// The known encodings. The empty Encoding is Legacy.
const (
	Legacy Encoding = "legacy" // triple DES and SHA-1
	Modern Encoding = "modern" // AES-256, PBKDF2 and SHA-256
)
