package socket

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strconv"
	"time"

	"google.golang.org/grpc/metadata"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
)

// decodeRequest makes the wire's JSON in strings into a request, or tells every problem at once. The texts up to
// "error:" are those people search for.
func decodeRequest(in *api.MountRequest, md metadata.MD, now moment) (provider.Request, error) {
	var problems fault.List
	note := func(err *fault.Error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	var attributes, secrets map[string]string
	note(unmarshal(in.GetAttributes(), &attributes, "attributes", "a JSON object of strings"))
	note(unmarshal(in.GetSecrets(), &secrets, "secrets", "a JSON object of strings"))
	mode, err := decodeMode(in.GetPermission())
	note(err)
	freshness, err := decodeFreshness(md, now)
	note(err)
	return provider.Request{
		Attributes: attributes,
		Secrets:    sealed(secrets),
		Target:     in.GetTargetPath(),
		Mode:       mode,
		Current:    decodeVersions(in.GetCurrentObjectVersion()),
		Freshness:  freshness,
	}, problems.AsError()
}

// unmarshal keeps the JSON library's own words out of the error: they may quote what they stumbled over, and that may
// be a piece of a secret or a token.
func unmarshal(text string, into any, what, want string) *fault.Error {
	err := json.Unmarshal([]byte(text), into)
	if err == nil {
		return nil
	}
	where := ""
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		where = ": no valid JSON at byte " + strconv.FormatInt(syntax.Offset, 10)
	case errors.As(err, &shape):
		where = ": something else at byte " + strconv.FormatInt(shape.Offset, 10)
	}
	return fault.New(fault.Invalid, "", "failed to unmarshal %s, error: wants %s%s", what, want, where)
}

func decodeMode(text string) (fs.FileMode, *fault.Error) {
	var bits uint32
	if err := unmarshal(text, &bits, "file permission", "a JSON number of at most 511 (0777)"); err != nil {
		return 0, err
	}
	if mode := fs.FileMode(bits); mode == mode.Perm() {
		return mode, nil
	}
	return 0, fault.New(fault.Invalid, "", "failed to unmarshal file permission, error: %d is more than 511 (0777)", bits)
}

// decodeFreshness reads the driver's word on age. Nonsense is refused rather than ignored: ignoring it would hand out
// older answers than the driver asked for.
func decodeFreshness(md metadata.MD, now moment) (provider.Freshness, *fault.Error) {
	stated := md.Get(headerMaxAge)
	if len(stated) == 0 {
		return provider.Freshness{}, nil
	}
	age, err := strconv.ParseInt(stated[0], 10, 64)
	if err != nil || age < 0 || len(stated) > 1 {
		return provider.Freshness{}, fault.New(fault.Invalid, "metadata "+headerMaxAge, "wants one whole number of nanoseconds, not below 0")
	}
	return provider.Freshness{NotBefore: now.after.Add(-underway(md, now)).Add(-time.Duration(age))}, nil
}

// longestUnderway bounds what is believed of a request's time underway: the kubelet's patience with a mount.
const longestUnderway = 2 * time.Minute

// underway is how long ago the request was sent, by the clock both processes of a machine share; 0 when the sender did
// not say or cannot be right (another machine's clock, another time namespace).
func underway(md metadata.MD, now moment) time.Duration {
	sent := md.Get(headerSent)
	if len(sent) != 1 || !now.known {
		return 0
	}
	at, err := strconv.ParseInt(sent[0], 10, 64)
	if took := now.shared - time.Duration(at); err == nil && took > 0 && took < longestUnderway {
		return took
	}
	return 0
}

// decodeMaxRecv is how large an answer the driver takes: what it states, else def.
func decodeMaxRecv(md metadata.MD, def int) int {
	if stated := md.Get(headerMaxRecv); len(stated) == 1 {
		if n, err := strconv.Atoi(stated[0]); err == nil && n > 0 {
			return n
		}
	}
	return def
}

func sealed(plain map[string]string) map[string]secret.Value {
	if plain == nil {
		return nil
	}
	values := make(map[string]secret.Value, len(plain))
	for key, text := range plain {
		values[key] = secret.NewValue([]byte(text))
	}
	return values
}

func decodeVersions(list []*api.ObjectVersion) []secret.Version {
	var versions []secret.Version
	for _, v := range list {
		versions = append(versions, secret.Version{ID: v.GetId(), Version: v.GetVersion()})
	}
	return versions
}
