package keyvault

// Guard decides about callers; the vaults only ask. Its methods may be called at once from many requests and are never
// called while a vault is locked.
type Guard interface {
	// Authenticate turns the bearer token of a request to vault, which the client reached under host (as in the Host
	// header, with port if it had one), into a Caller. An error answers 401 with the Challenge: of a *fault.Error,
	// Remote.Code (such as "AKV10032") and Message become the body's text; any other error becomes a general refusal
	// and its own text is kept from the client.
	Authenticate(vault, host, bearer string) (Caller, error)

	// Authorize says whether c may do action in area. object is the name concerned, empty for lists and restores.
	// Nil allows. It is asked before the vault looks whether the object exists.
	Authorize(vault string, c Caller, area Area, action Action, object string) *Refusal

	// Challenge is the value of the WWW-Authenticate header of a 401.
	Challenge(vault, host string) string
}

// Caller is who a token stands for, as error texts name it.
type Caller struct {
	TenantID string
	ObjectID string
	AppID    string
	Issuer   string // as in the token, e.g. "https://sts.windows.net/<tenant>/"
}

// Refusal is a 403 as Key Vault words it. Code is the outer code ("Forbidden" when empty), Inner the one below it.
type Refusal struct {
	Code    string
	Inner   string // e.g. "ForbiddenByRbac"
	Message string
}

// Area is one of the three sorts of object, as permissions and paths name them.
type Area string

// The three areas.
const (
	Secrets      Area = "secrets"
	Keys         Area = "keys"
	Certificates Area = "certificates"
)

// Action is what a caller wants to do, in the spelling of access policy permissions, lower case.
type Action string

// Actions of all three areas. Reading a deleted object is Get, listing the deleted is List.
const (
	Get     Action = "get"
	List    Action = "list"
	Set     Action = "set" // secrets only
	Create  Action = "create"
	Import  Action = "import"
	Update  Action = "update"
	Delete  Action = "delete"
	Recover Action = "recover"
	Purge   Action = "purge"
	Backup  Action = "backup"
	Restore Action = "restore"
)

// Actions of keys alone.
const (
	Encrypt           Action = "encrypt"
	Decrypt           Action = "decrypt"
	Sign              Action = "sign"
	Verify            Action = "verify"
	WrapKey           Action = "wrapkey"
	UnwrapKey         Action = "unwrapkey"
	Rotate            Action = "rotate"
	GetRotationPolicy Action = "getrotationpolicy"
	SetRotationPolicy Action = "setrotationpolicy"
	Random            Action = "rng"
)

// Actions of certificates alone.
const (
	ManageContacts Action = "managecontacts"
	GetIssuers     Action = "getissuers"
	ListIssuers    Action = "listissuers"
	SetIssuers     Action = "setissuers"
	DeleteIssuers  Action = "deleteissuers"
)
