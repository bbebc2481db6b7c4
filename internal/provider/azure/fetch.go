package azure

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"strongroom/internal/azure/keyvault"
	"strongroom/internal/azure/params"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

// result is how one object fared.
type result struct {
	object   params.Object
	files    []secret.File
	versions []secret.Version
	askedAt  time.Time // of the oldest answer it is made of
	passing  time.Time // of the oldest among those that could be another by now
	stale    bool
	notes    []string
	err      error
}

// fetch gets one object, or the newest N versions of it.
func (m *mount) fetch(ctx context.Context, object params.Object) result {
	r := result{object: object}
	if object.History == 0 {
		r.err = m.add(ctx, &r, object.Object, object.Path, string(object.Kind)+"/"+object.Name)
		return r
	}
	list, err := m.history(ctx, &r, object)
	if err != nil {
		r.err = err
		return r
	}
	for i, version := range list {
		one := object.Object
		one.Version = version
		index := "/" + strconv.Itoa(i)
		if r.err = m.add(ctx, &r, one, object.Path+index, string(object.Kind)+"/"+object.Name+index); r.err != nil {
			return r
		}
	}
	return r
}

// add fetches one version of an object and appends its files.
func (m *mount) add(ctx context.Context, r *result, object secret.Object, path, id string) error {
	answer, err := m.get(ctx, r, object)
	if err != nil {
		return err
	}
	files, notes, err := m.shape(r.object, path, answer)
	if err != nil {
		return err
	}
	r.files = append(r.files, files...)
	r.notes = append(r.notes, notes...)
	r.versions = append(r.versions, secret.Version{ID: id, Version: answer.version()})
	return nil
}

// get reads one version of an object, through share. A version once read never changes, so a volume that holds a named
// one need not ask for it again; a first mount asks, since the version may have been disabled since.
func (m *mount) get(ctx context.Context, r *result, object secret.Object) (bundle, error) {
	want := m.want("get " + object.String())
	want.Immutable = object.Version != "" && m.holds(object, object.Version)
	held := func(b bundle) bool { return m.holds(object, b.version()) }
	return obtain(ctx, m, r, want, held, func(ctx context.Context, bearer secret.Value) (bundle, error) {
		return m.read(ctx, bearer, object)
	})
}

// holds says whether the volume has this version of an object already, in whatever place of a history. That it holds
// something is not enough: its class may have been edited since, to name what another volume had.
func (m *mount) holds(object secret.Object, version string) bool {
	id := string(object.Kind) + "/" + object.Name
	return slices.ContainsFunc(m.current, func(v secret.Version) bool {
		return v.Version == version && version != "" && (v.ID == id || strings.HasPrefix(v.ID, id+"/"))
	})
}

// history is the versions to write, newest first, from the pinned one on when the class pins one. Disabled versions
// are skipped: they cannot be read.
func (m *mount) history(ctx context.Context, r *result, object params.Object) ([]string, error) {
	unpinned := object.Object
	unpinned.Version = ""
	held := func(l versionList) bool { return len(l) > 0 && m.holds(unpinned, l[0]) }
	list, err := obtain(ctx, m, r, m.want("versions "+unpinned.String()), held, func(ctx context.Context, bearer secret.Value) (versionList, error) {
		began := m.Clock.Now()
		list, err := m.Vaults.Versions(ctx, m.plan.vault, bearer, object.Kind, object.Name, m.counted)
		m.observe(object.Kind, began, err)
		return newestFirst(list), err
	})
	if err != nil {
		return nil, err
	}
	if object.Version != "" {
		at := slices.Index(list, object.Version)
		if at < 0 {
			return nil, fault.New(fault.NotFound, object.Object.String(), "this version is not among the %d enabled versions of the object", len(list))
		}
		list = list[at:]
	}
	if len(list) == 0 {
		return nil, fault.New(fault.NotFound, object.Object.String(), "the object has no enabled version")
	}
	return list[:min(len(list), object.History)], nil
}

// counted runs ahead of each page of a list.
func (m *mount) counted(context.Context) error {
	m.vaultCalls.Add(1)
	return nil
}

func newestFirst(list []keyvault.VersionItem) versionList {
	list = slices.DeleteFunc(slices.Clone(list), func(v keyvault.VersionItem) bool { return !v.Enabled })
	slices.SortStableFunc(list, func(a, b keyvault.VersionItem) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.Version, b.Version))
	})
	names := make(versionList, len(list))
	for i, v := range list {
		names[i] = v.Version
	}
	return names
}

func (m *mount) want(name string) share.Want {
	return share.Want{Grant: m.grant, Vault: m.plan.url, Name: name, NotBefore: m.notBefore}
}

// obtain asks share for an answer, and when Azure cannot be asked takes an older one where that is allowed. held says
// whether an answer is what the volume has already.
func obtain[T share.Sized](ctx context.Context, m *mount, r *result, want share.Want, held func(T) bool, read func(context.Context, secret.Value) (T, error)) (T, error) {
	answer, err := ask(ctx, m, want, read)
	if err != nil {
		kept, stale, ok := instead(m, want, held, err)
		if !ok {
			return answer.Value, err
		}
		answer, r.stale = kept, r.stale || stale
	}
	if answer.Shared {
		m.shared.Add(1)
	}
	r.askedAt = earlier(r.askedAt, answer.AskedAt)
	if !want.Immutable || r.stale {
		r.passing = earlier(r.passing, answer.AskedAt)
	}
	return answer.Value, nil
}

// earlier is the earlier of two times of which the first may not be known.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// ask gets the token first: a failure to get one is the authority's affair and must not count against the vault.
func ask[T share.Sized](ctx context.Context, m *mount, want share.Want, read func(context.Context, secret.Value) (T, error)) (share.Answer[T], error) {
	bearer, err := m.bearer()
	if err != nil {
		return share.Answer[T]{}, err
	}
	return share.Get(ctx, m.Pool, want, func(ctx context.Context) (T, error) {
		value, err := read(ctx, bearer)
		if !refusedToken(err) {
			return value, err
		}
		claims, _ := keyvault.ClaimsOf(err)
		renewed, renewErr := m.renew(ctx, bearer, claims)
		if renewErr != nil {
			return value, err
		}
		return read(ctx, renewed)
	})
}

// refusedToken tells a vault that does not take the token (401) from one that does not let its owner read (403).
func refusedToken(err error) bool {
	var e *fault.Error
	return errors.As(err, &e) && e.Remote.Status == http.StatusUnauthorized
}

// anyAge is how old the last known good may be that a volume has already.
const anyAge time.Duration = math.MaxInt64

// instead finds an older answer for one that could not be had, and says whether it is staler than the caller allowed.
// Without a token (the authority is down) what is fresh enough still serves. Beyond that a mounted volume keeps what it
// has, and anything else is given only as class and operator both allow it.
func instead[T share.Sized](m *mount, want share.Want, held func(T) bool, err error) (answer share.Answer[T], stale, ok bool) {
	if !passing(err) {
		return answer, false, false
	}
	if answer, ok = share.LastKnownGood[T](m.Pool, want, m.Clock.Now().Sub(m.notBefore)); ok {
		return answer, false, true
	}
	if allowed := min(m.plan.LastKnownGood, m.LastKnownGood); allowed > 0 {
		if answer, ok = share.LastKnownGood[T](m.Pool, want, allowed); ok {
			return answer, true, true
		}
	}
	if len(m.current) == 0 {
		return answer, false, false
	}
	answer, ok = share.LastKnownGood[T](m.Pool, want, anyAge)
	return answer, true, ok && held(answer.Value)
}
