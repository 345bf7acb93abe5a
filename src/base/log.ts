/** @file What the DEBUG environment variable asks for. */

/** 1–4 from `DEBUG=1` … `DEBUG=4`; 0 for anything else, and where there is no environment (a browser). */
export function debugLevel(): number {
  const text = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.["DEBUG"] ?? "";
  return /^[1-4]$/.test(text) ? Number(text) : 0;
}
