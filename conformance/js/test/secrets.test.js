import assert from "node:assert/strict";
import { test } from "node:test";
import { SecretClient } from "@azure/keyvault-secrets";
import { admin, all, vault } from "../world.js";

const client = new SecretClient(vault(), admin());
const fast = { intervalInMs: 50 };

test("set, get, versions, update", async () => {
  const first = await client.setSecret("js-life", "one", { contentType: "text/plain", tags: { a: "b" } });
  const second = await client.setSecret("js-life", "two");
  assert.notEqual(first.properties.version, second.properties.version);
  assert.equal((await client.getSecret("js-life")).value, "two");
  assert.equal((await client.getSecret("js-life", { version: first.properties.version })).value, "one");
  assert.equal((await all(client.listPropertiesOfSecretVersions("js-life"))).length, 2);
  const changed = await client.updateSecretProperties("js-life", second.properties.version, { enabled: false });
  assert.equal(changed.enabled, false);
  await assert.rejects(client.getSecret("js-life"), { statusCode: 403 });
});

test("missing is 404 SecretNotFound, disabled is 403", async () => {
  await assert.rejects(client.getSecret("absent"), { statusCode: 404, code: "SecretNotFound" });
  await assert.rejects(client.getSecret("disabled"), { statusCode: 403 });
});

test("expired secrets are still read", async () => {
  await client.setSecret("js-expired", "old", { expiresOn: new Date(Date.now() - 1000) });
  assert.equal((await client.getSecret("js-expired")).value, "old");
});

test("pages of a long list", async () => {
  for (let i = 0; i < 30; i++) await client.setSecret(`js-page-${i}`, String(i));
  const names = (await all(client.listPropertiesOfSecrets())).map((s) => s.name).filter((n) => n.startsWith("js-page-"));
  assert.equal(new Set(names).size, 30);
  let sizes = [];
  for await (const page of client.listPropertiesOfSecrets().byPage({ maxPageSize: 7 })) sizes.push(page.length);
  assert.ok(sizes.every((n) => n <= 7) && sizes.length > 4, String(sizes));
});

test("delete, conflict, recover, delete, purge", async () => {
  await client.setSecret("js-gone", "x");
  const deleted = await (await client.beginDeleteSecret("js-gone", fast)).pollUntilDone();
  assert.ok(deleted.properties.scheduledPurgeDate > deleted.properties.deletedOn);
  await assert.rejects(client.setSecret("js-gone", "y"), { statusCode: 409 });
  await (await client.beginRecoverDeletedSecret("js-gone", fast)).pollUntilDone();
  assert.equal((await client.getSecret("js-gone")).value, "x");
  await (await client.beginDeleteSecret("js-gone", fast)).pollUntilDone();
  assert.ok((await all(client.listDeletedSecrets())).some((s) => s.name === "js-gone"));
  await client.purgeDeletedSecret("js-gone");
});

test("backup and restore", async () => {
  await client.setSecret("js-backup", "kept");
  const blob = await client.backupSecret("js-backup");
  await (await client.beginDeleteSecret("js-backup", fast)).pollUntilDone();
  await client.purgeDeletedSecret("js-backup");
  await client.restoreSecretBackup(blob);
  assert.equal((await client.getSecret("js-backup")).value, "kept");
});
