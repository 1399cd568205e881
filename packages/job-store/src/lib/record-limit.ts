/**
 * Number of bytes by which a record may exceed `maxRecordBytes` after a change of its status that stores neither progress nor a result. So a
 * job at the limit can still be moved and failed.
 */
export const MAX_EXCESS_BYTES = 65_536;
