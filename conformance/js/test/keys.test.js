import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyClient } from "@azure/keyvault-keys";
import { admin, all, vault } from "../world.js";

const client = new KeyClient(vault(), admin());
const fast = { intervalInMs: 50 };

test("create, get and list keys of both kinds", async () => {
  const rsa = await client.createRsaKey("js-rsa", { keySize: 2048 });
  assert.equal(rsa.keyType, "RSA");
  assert.ok(rsa.key.n.length >= 256);
  const ec = await client.createEcKey("js-ec", { curve: "P-256" });
  assert.equal((await client.getKey("js-ec")).key.crv, "P-256");
  assert.equal((await client.getKey("js-ec", { version: ec.properties.version })).id, ec.id);
  assert.ok((await all(client.listPropertiesOfKeys())).length >= 2);
});

test("private parts never come back", async () => {
  const { key } = await client.getKey("js-ec");
  for (const part of ["d", "p", "q", "dp", "dq", "qi", "k"]) assert.equal(key[part], undefined);
});

test("missing is 404 KeyNotFound", async () => {
  await assert.rejects(client.getKey("absent"), { statusCode: 404, code: "KeyNotFound" });
});

test("delete and recover", async () => {
  await client.createEcKey("js-gone", { curve: "P-384" });
  await (await client.beginDeleteKey("js-gone", fast)).pollUntilDone();
  await (await client.beginRecoverDeletedKey("js-gone", fast)).pollUntilDone();
  assert.equal((await client.getKey("js-gone")).key.crv, "P-384");
});
