/** Codes of audit messages: PS3.16 CID 400 to 404, and those PS3.15 A.5.1.2 took over from RFC 3881. */

/** A `CodedValueType` of the schema (PS3.15 A.5.1). */
export interface CodedValue {
  readonly 'csd-code': string;
  readonly codeSystemName: string;
  /** Code Meaning. */
  readonly originalText: string;
}

function dcm(code: string, meaning: string): CodedValue {
  return { 'csd-code': code, codeSystemName: 'DCM', originalText: meaning };
}

function rfc3881(code: string, meaning: string): CodedValue {
  return { 'csd-code': code, codeSystemName: 'RFC-3881', originalText: meaning };
}

/** CID 400, as far as a gateway of the modality's workflow has such events. */
export const EVENT_IDS = {
  applicationActivity: dcm('110100', 'Application Activity'),
  procedureRecord: dcm('110111', 'Procedure Record'),
  query: dcm('110112', 'Query'),
  securityAlert: dcm('110113', 'Security Alert'),
  userAuthentication: dcm('110114', 'User Authentication'),
} as const;

/** CID 401 */
export const ACTIVITY_TYPES = {
  start: dcm('110120', 'Application Start'),
  stop: dcm('110121', 'Application Stop'),
  login: dcm('110122', 'Login'),
  logout: dcm('110123', 'Logout'),
} as const;

/** CID 403, as far as a gateway can tell. */
export const ALERT_TYPES = {
  nodeAuthentication: dcm('110126', 'Node Authentication'),
  networkConfiguration: dcm('110128', 'Network Configuration'),
  securityConfiguration: dcm('110129', 'Security Configuration'),
  softwareConfiguration: dcm('110131', 'Software Configuration'),
  restrictedFunction: dcm('110132', 'Use of Restricted Function'),
  auditStopped: dcm('110133', 'Audit Recording Stopped'),
  auditStarted: dcm('110134', 'Audit Recording Started'),
} as const;
export type AlertType = keyof typeof ALERT_TYPES;

/** CID 402 */
export const ROLES = {
  application: dcm('110150', 'Application'),
  launcher: dcm('110151', 'Application Launcher'),
  destination: dcm('110152', 'Destination Role ID'),
  source: dcm('110153', 'Source Role ID'),
} as const;

/** CID 404, and PS3.15 A.5.1.2.4. */
export const OBJECT_ID_TYPES = {
  study: dcm('110180', 'Study Instance UID'),
  sopClass: dcm('110181', 'SOP Class UID'),
  node: dcm('110182', 'Node ID'),
  patient: rfc3881('2', 'Patient Number'),
  uri: rfc3881('12', 'URI'),
} as const;
