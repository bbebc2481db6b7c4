// Package share decides who may share what. Every token and every answer that is kept on a node is kept here, and is
// handed out only to a Grant: a principal together with how long its proof lasts. Two volumes share exactly when
// their principals are equal in every field.
//
// # What it does
//
//   - Flights. At most one request per (principal, vault, name) is in the air. A caller joins it only if it was sent
//     at or after what the caller calls fresh; everybody else waits for it to land and then shares one next flight.
//     A burst of any size costs at most two requests.
//   - Answers. A landed answer serves everyone who finds it fresh enough, without a request. It is also the last
//     known good, for callers that may fall back on one.
//   - Tokens. A token is refreshed ahead of its end by one caller while the others go on with the old one.
//   - Budgets. Each vault and each authority has a bounded number of requests in the air, and one pause that everybody
//     obeys (package budget).
//
// # What it never does
//
// It starts no goroutine and leaves no timer behind: a flight is flown by the caller that leads it, under that
// caller's context, and sweeping is done by whoever calls Run. It knows nothing of Azure: a vault is a name, an answer a value with a size. It never serves an
// answer older than asked for, and never one asked for before a refusal. It does not retry.
//
// # When the world fails
//
// A refusal (fault.Kind.Refusal) erases the answer it is about, and a refused token erases everything of its
// principal, last known good included. Anything else (an outage, throttling, a defect) erases nothing: the caller gets
// the error and decides whether LastKnownGood may stand in. A panic in a fetch passes to the caller that led it; those
// who shared the flight get an Internal fault and the key stays usable.
//
// # Bounds
//
// Entries and bytes are bounded; at the bound the least recently used answer goes, whoever it belongs to, which costs a
// request and never a wrong answer. An answer larger than the bound is returned and not kept. Run drops what has
// gone unused. What is dropped is dropped: Go's collector moves and frees memory as it likes, so there is no promise
// that it is wiped.
package share
