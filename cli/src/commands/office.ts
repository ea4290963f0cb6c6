/** The commands of an institution's office: one file of the built program. */
export { approve, grant, request, withdraw } from "./office/access.js";
export { destroyBucket, keep, rotateBucket } from "./office/buckets.js";
export { expiring, renew } from "./office/calendar.js";
export { hold } from "./office/hold.js";
export { init } from "./office/init.js";
export { enrol, offBoard, reEnrol } from "./office/people.js";
export { rePin } from "./office/re-pin.js";
export { checkShare, recover, split } from "./office/recovery.js";
export { rotateRoot } from "./office/rotate-root.js";
