import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { CertificateClient, DefaultCertificatePolicy } from "@azure/keyvault-certificates";
import { KeyClient } from "@azure/keyvault-keys";
import { SecretClient } from "@azure/keyvault-secrets";
import { admin, all, vault } from "../world.js";

const client = new CertificateClient(vault(), admin());
const fast = { intervalInMs: 50 };

test("create by polling; secret and key stand behind the certificate", async () => {
  const policy = { ...DefaultCertificatePolicy, subject: "CN=js.example", contentType: "application/x-pem-file" };
  const poller = await client.beginCreateCertificate("js-made", policy, fast);
  const made = await poller.pollUntilDone();
  assert.match(new X509Certificate(made.cer).subject, /CN=js\.example/);
  const secret = await new SecretClient(vault(), admin()).getSecret("js-made");
  assert.equal(secret.properties.contentType, "application/x-pem-file");
  assert.equal(secret.properties.version, made.properties.version);
  assert.match(secret.value, /BEGIN PRIVATE KEY[\s\S]*BEGIN CERTIFICATE/);
  assert.ok(new X509Certificate(made.cer).checkPrivateKey(createPrivateKey(secret.value)));
  assert.equal((await new KeyClient(vault(), admin()).getKey("js-made")).properties.managed, true);
});

test("import the PEM again under another name", async () => {
  const secret = await new SecretClient(vault(), admin()).getSecret("js-made");
  const imported = await client.importCertificate("js-imported", new TextEncoder().encode(secret.value), { policy: { contentType: "application/x-pem-file", issuerName: "Unknown", subject: "CN=js.example" } });
  assert.equal(imported.name, "js-imported");
  assert.ok((await all(client.listPropertiesOfCertificates())).length >= 2);
  assert.equal((await all(client.listPropertiesOfCertificateVersions("js-imported"))).length, 1);
});

test("policy, missing, delete, recover", async () => {
  assert.equal((await client.getCertificatePolicy("js-made")).contentType, "application/x-pem-file");
  await assert.rejects(client.getCertificate("absent"), { statusCode: 404, code: "CertificateNotFound" });
  await (await client.beginDeleteCertificate("js-imported", fast)).pollUntilDone();
  await (await client.beginRecoverDeletedCertificate("js-imported", fast)).pollUntilDone();
  assert.equal((await client.getCertificate("js-imported")).name, "js-imported");
});
