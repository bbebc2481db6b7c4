package keyvault_test

import (
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"strongroom/internal/emulator/keyvault"
)

func secretsClient(w *world) *azsecrets.Client {
	client, err := azsecrets.NewClient(w.url(), static{}, &azsecrets.ClientOptions{ClientOptions: w.options()})
	must(w.t, err)
	return client
}

// TestSecretsSDK takes a secret through its whole life with the unmodified Go client.
func TestSecretsSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	c, ctx := secretsClient(w), t.Context()

	expires := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	first, err := c.SetSecret(ctx, "db", azsecrets.SetSecretParameters{
		Value: to.Ptr("one"), ContentType: to.Ptr("text/plain"), Tags: map[string]*string{"team": to.Ptr("red")},
		SecretAttributes: &azsecrets.SecretAttributes{Expires: &expires},
	}, nil)
	must(t, err)
	equal(t, "value", *first.Value, "one")
	equal(t, "expiry", first.Attributes.Expires.Equal(expires), true)
	equal(t, "recovery level", *first.Attributes.RecoveryLevel, "Recoverable+Purgeable")
	equal(t, "recoverable days", *first.Attributes.RecoverableDays, 90)
	equal(t, "host in id", strings.HasPrefix(string(*first.ID), w.url()+"/secrets/db/"), true)
	equal(t, "length of version", len(first.ID.Version()), 32)

	w.clock.Advance(time.Minute)
	second, err := c.SetSecret(ctx, "db", azsecrets.SetSecretParameters{Value: to.Ptr("two")}, nil)
	must(t, err)
	equal(t, "creation", second.Attributes.Created.Equal(w.clock.Now()), true)

	latest, err := c.GetSecret(ctx, "db", "", nil)
	must(t, err)
	equal(t, "latest", *latest.Value, "two")
	old, err := c.GetSecret(ctx, "db", first.ID.Version(), nil)
	must(t, err)
	equal(t, "old", *old.Value, "one")
	equal(t, "tag", *old.Tags["team"], "red")

	updated, err := c.UpdateSecretProperties(ctx, "db", first.ID.Version(), azsecrets.UpdateSecretPropertiesParameters{
		ContentType: to.Ptr("text/other"), SecretAttributes: &azsecrets.SecretAttributes{Enabled: to.Ptr(false)},
	}, nil)
	must(t, err)
	equal(t, "no value after update", updated.Value == nil, true)
	equal(t, "tags kept", *updated.Tags["team"], "red")
	_, err = c.GetSecret(ctx, "db", first.ID.Version(), nil)
	hasCode(t, err, 403, "Forbidden")

	n := 0
	for pager := c.NewListSecretPropertiesVersionsPager("db", nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		must(t, err)
		n += len(page.Value)
	}
	equal(t, "versions", n, 2)
}

// TestSecretsSDKDeletion deletes, recovers, purges, backs up and restores with the unmodified Go client.
func TestSecretsSDKDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{Settling: 5 * time.Second, RetentionDays: 30})
	c, ctx := secretsClient(w), t.Context()
	set, err := c.SetSecret(ctx, "db", azsecrets.SetSecretParameters{Value: to.Ptr("one")}, nil)
	must(t, err)
	saved, err := c.BackupSecret(ctx, "db", nil)
	must(t, err)

	deleted, err := c.DeleteSecret(ctx, "db", nil)
	must(t, err)
	equal(t, "purge date", deleted.ScheduledPurgeDate.Sub(*deleted.DeletedDate), 30*24*time.Hour)
	equal(t, "recovery id", *deleted.RecoveryID, w.url()+"/deletedsecrets/db")
	_, err = c.GetDeletedSecret(ctx, "db", nil)
	hasCode(t, err, 404, "SecretNotFound")
	w.clock.Advance(5 * time.Second)
	gone, err := c.GetDeletedSecret(ctx, "db", nil)
	must(t, err)
	equal(t, "deleted id", *gone.ID, *set.ID)

	page, err := c.NewListDeletedSecretPropertiesPager(nil).NextPage(ctx)
	must(t, err)
	equal(t, "deleted listed", len(page.Value), 1)

	_, err = c.RecoverDeletedSecret(ctx, "db", nil)
	must(t, err)
	_, err = c.GetSecret(ctx, "db", "", nil)
	hasCode(t, err, 404, "SecretNotFound")
	w.clock.Advance(5 * time.Second)
	back, err := c.GetSecret(ctx, "db", "", nil)
	must(t, err)
	equal(t, "recovered", *back.Value, "one")

	_, err = c.RestoreSecret(ctx, azsecrets.RestoreSecretParameters{SecretBackup: saved.Value}, nil)
	hasCode(t, err, 409, "Conflict")
	_, err = c.DeleteSecret(ctx, "db", nil)
	must(t, err)
	w.clock.Advance(5 * time.Second)
	_, err = c.PurgeDeletedSecret(ctx, "db", nil)
	must(t, err)
	restored, err := c.RestoreSecret(ctx, azsecrets.RestoreSecretParameters{SecretBackup: saved.Value}, nil)
	must(t, err)
	equal(t, "restored id", *restored.ID, *set.ID)
	back, err = c.GetSecret(ctx, "db", "", nil)
	must(t, err)
	equal(t, "restored value", *back.Value, "one")
}

// TestRetentionEnds is the vault forgetting by itself what was deleted long ago.
func TestRetentionEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{RetentionDays: 7})
	w.done("PUT", "/secrets/db", `{"value":"x"}`)
	w.done("DELETE", "/secrets/db", "")
	w.clock.Advance(7*24*time.Hour - time.Second)
	w.done("GET", "/deletedsecrets/db", "")
	w.clock.Advance(time.Second)
	equal(t, "status", w.send("GET", "/deletedsecrets/db", "").status, 404)
	w.done("PUT", "/secrets/db", `{"value":"new"}`)
}
