import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientAssertionCredential, ClientSecretCredential, ManagedIdentityCredential } from "@azure/identity";
import { SecretClient } from "@azure/keyvault-secrets";
import { assigned, authority, control, endpoints, everything, nothing, tenant, vault } from "../world.js";

const read = async (credential, name = "seeded", where = vault()) => (await new SecretClient(where, credential).getSecret(name)).value;

test("a client secret opens a vault with access policies and one with roles", async () => {
  const credential = new ClientSecretCredential(tenant, everything, "right secret", authority);
  assert.equal(await read(credential), "seeded value");
  assert.equal(await read(credential, "seeded", vault("conformance-rbac")), "seeded value");
});

test("a wrong secret is AADSTS7000215", async () => {
  const credential = new ClientSecretCredential(tenant, everything, "wrong", authority);
  await assert.rejects(credential.getToken("https://vault.azure.net/.default"), /AADSTS7000215/);
});

test("an unknown application is AADSTS700016", async () => {
  const credential = new ClientSecretCredential(tenant, "00000000-0000-0000-0000-000000000009", "x", authority);
  await assert.rejects(credential.getToken("https://vault.azure.net/.default"), /AADSTS700016/);
});

test("someone without permission is told so by both models", async () => {
  const credential = new ClientSecretCredential(tenant, nothing, "right secret", authority);
  for (const [where, inner] of [[vault(), /AccessDenied|ForbiddenByPolicy/], [vault("conformance-rbac"), /ForbiddenByRbac/]]) {
    await assert.rejects(read(credential, "seeded", where), (error) => {
      assert.equal(error.statusCode, 403);
      assert.match(JSON.stringify(error.details ?? error.response?.bodyAsText ?? error.message), inner);
      return true;
    });
  }
});

test("a federated token is exchanged, and one for another subject is not", async () => {
  const token = async (name) => {
    const answer = await control("/serviceaccounttoken", {
      method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify({ namespace: "apps", name, audience: "api://AzureADTokenExchange", ttl: "1h" }),
    });
    return (await answer.json()).token;
  };
  const as = (name) => new ClientAssertionCredential(tenant, everything, () => token(name), authority);
  assert.equal(await read(as("web")), "seeded value");
  await assert.rejects(as("other").getToken("https://vault.azure.net/.default"), /AADSTS700213/);
});

test("managed identities answer by IMDS", async () => {
  process.env.AZURE_POD_IDENTITY_AUTHORITY_HOST = endpoints.imds["node-1"];
  assert.equal(await read(new ManagedIdentityCredential()), "seeded value");
  assert.equal(await read(new ManagedIdentityCredential({ clientId: assigned })), "seeded value");
  await assert.rejects(new ManagedIdentityCredential({ clientId: everything }).getToken("https://vault.azure.net/.default"));
});
