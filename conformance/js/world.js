// Where the emulator is and who is known there (state.yaml).
import { readFileSync } from "node:fs";
import { ClientSecretCredential } from "@azure/identity";

export const endpoints = JSON.parse(readFileSync(process.env.ENDPOINTS, "utf8"));
export const tenant = "5b8f0a7c-1111-4c7e-9a55-aa00bb11cc22";
export const everything = "6c9d1b8e-2222-4d8f-8b66-bb11cc22dd33";
export const nothing = "7d0e2c9f-3333-4e90-9c77-cc22dd33ee44";
export const assigned = "8e1f3da0-4444-4fa1-8d88-dd33ee44ff55";

// A private authority: no discovery at a public host.
export const authority = { authorityHost: endpoints.authority, disableInstanceDiscovery: true };
export const vault = (name = "conformance-kv") => `https://${name}.${endpoints.vaultSuffix}`;
export const admin = () => new ClientSecretCredential(tenant, everything, "right secret", authority);

export async function all(pages) {
  const list = [];
  for await (const item of pages) list.push(item);
  return list;
}

export async function control(path, options) {
  const answer = await fetch(`${endpoints.control}/_emulator${path}`, options);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}
