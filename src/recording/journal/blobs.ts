/** Names of a journal's blobs. */

export const segmentBlob = (track: number, index: number): string => `segment-${track}-${index}`;
export const pageBlob = (page: number): string => `page-${page}`;
export const manifestBlob = (sequence: number): string => `manifest-${sequence}`;
export const RECEIPT_BLOB = "receipt";
