/**
 * PS3.4 Table F.7.2-1, Modality Performed Procedure Step N-CREATE, N-SET and final state (2020c, other attributes by the
 * diagrams of 2024/25), one attribute a line: tag, keyword, usage in N-CREATE, usage in N-SET (`-` not allowed);
 * indented lines are the items of the sequence above. Usage is SCU/SCP (PS3.4 5.4.2.1). `final1` and `final2`: what
 * must be there once the state is COMPLETED or DISCONTINUED. `if-name` is the condition behind 1C, see conditions.ts.
 * `other` marks what the rows "all other attributes of the module" bring in, `open` a sequence whose items the table
 * leaves open, `@name` the items of a macro below, `@same` those of the macro it stands in, above itself.
 */
export const TABLE_F_7_2_1 = `
00080005 SpecificCharacterSet 1C/1C 1C/1C if-charset
00400270 ScheduledStepAttributesSequence 1/1 -
  0020000D StudyInstanceUID 1/1 -
  00081110 ReferencedStudySequence 2/2 - @sop
  00080050 AccessionNumber 2/2 -
  00080051 IssuerOfAccessionNumberSequence 3/3 - @hl7
  00402016 PlacerOrderNumberImagingServiceRequest 3/3 -
  00400026 OrderPlacerIdentifierSequence 3/3 - @hl7
  00402017 FillerOrderNumberImagingServiceRequest 3/3 -
  00400027 OrderFillerIdentifierSequence 3/3 - @hl7
  00401001 RequestedProcedureID 2/2 -
  00321064 RequestedProcedureCodeSequence 3/3 - @code
  00321060 RequestedProcedureDescription 2/2 -
  00400009 ScheduledProcedureStepID 2/2 -
  00400007 ScheduledProcedureStepDescription 2/2 -
  00400008 ScheduledProtocolCodeSequence 2/2 - @code
00100010 PatientName 2/2 -
00100020 PatientID 2/2 -
00100021 IssuerOfPatientID 3/3 -
00100024 IssuerOfPatientIDQualifiersSequence 3/3 - @issuer
00101002 OtherPatientIDsSequence 3/3 -
  00100020 PatientID 3/3 -
  00100021 IssuerOfPatientID 3/3 -
  00100024 IssuerOfPatientIDQualifiersSequence 3/3 - @issuer
  00100022 TypeOfPatientID 3/3 -
00100030 PatientBirthDate 2/2 -
00100040 PatientSex 2/2 -
00081120 ReferencedPatientSequence 2/2 - @sop
00380010 AdmissionID 3/3 -
00380014 IssuerOfAdmissionIDSequence 3/3 - @hl7
00380060 ServiceEpisodeID 3/3 -
00380064 IssuerOfServiceEpisodeIDSequence 3/3 - @hl7
00380062 ServiceEpisodeDescription 3/3 -
00400253 PerformedProcedureStepID 1/1 -
00400241 PerformedStationAETitle 1/1 -
00400242 PerformedStationName 2/2 -
00400243 PerformedLocation 2/2 -
00400244 PerformedProcedureStepStartDate 1/1 -
00400245 PerformedProcedureStepStartTime 1/1 -
00400252 PerformedProcedureStepStatus 1/1 3/1
00400254 PerformedProcedureStepDescription 2/2 3/2
00400255 PerformedProcedureTypeDescription 2/2 3/2
00081032 ProcedureCodeSequence 2/2 3/2 @code-brief
00401012 ReasonForPerformedProcedureCodeSequence 3/3 3/3 @code
00400250 PerformedProcedureStepEndDate 2/2 3/1 final1
00400251 PerformedProcedureStepEndTime 2/2 3/1 final1
00400280 CommentsOnThePerformedProcedureStep 3/3 3/3
00400281 PerformedProcedureStepDiscontinuationReasonCodeSequence 3/3 3/3 @code
00080060 Modality 1/1 -
00200010 StudyID 2/2 -
00400260 PerformedProtocolCodeSequence 2/2 3/2 @code-brief
00400340 PerformedSeriesSequence 2/2 3/1 final1
  00081050 PerformingPhysicianName 2/2 2/2 final2
  00181030 ProtocolName 1/1 1/1 final1
  00081070 OperatorsName 2/2 2/2 final2
  0020000E SeriesInstanceUID 1/1 1/1 final1
  0008103E SeriesDescription 2/2 2/2 final2
  00080054 RetrieveAETitle 2/2 2/2 final2
  0040A494 ArchiveRequested 3/3 3/3
  00081140 ReferencedImageSequence 2/2 2/2
    00081150 ReferencedSOPClassUID 1/1 1/1
    00081155 ReferencedSOPInstanceUID 1/1 1/1
    00400512 ContainerIdentifier 3/3 3/3
    00400560 SpecimenDescriptionSequence 3/3 3/3
      00400551 SpecimenIdentifier 1/1 1/1
      00400554 SpecimenUID 1/1 1/1
  00400220 ReferencedNonImageCompositeSOPInstanceSequence 2/2 2/2 @sop
  00081052 PerformingPhysicianIdentificationSequence 3/3 3/3 other open
  00081072 OperatorIdentificationSequence 3/3 3/3 other open
  0008103F SeriesDescriptionCodeSequence 3/3 3/3 other open
00400320 BillingProcedureStepSequence 3/3 3/3 other open
00400321 FilmConsumptionSequence 3/3 3/3 other
  21000170 NumberOfFilms 3/3 3/3 other
  20000030 MediumType 3/3 3/3 other
  20100050 FilmSizeID 3/3 3/3 other
00400324 BillingSuppliesAndDevicesSequence 3/3 3/3 other
  00400296 BillingItemSequence 3/3 3/3 other open
  00400293 QuantitySequence 3/3 3/3 other
    00400294 Quantity 3/3 3/3 other
    00400295 MeasuringUnitsSequence 3/3 3/3 other open
`;

/** PS3.4 Table F.8.2-1, MPPS Retrieve N-GET: what can be asked for, which is top-level attributes only. */
export const TABLE_F_8_2_1 = `
00080005 SpecificCharacterSet 3/1C
00400270 ScheduledStepAttributesSequence 3/1
00100010 PatientName 3/2
00100020 PatientID 3/2
00100021 IssuerOfPatientID 3/3
00100024 IssuerOfPatientIDQualifiersSequence 3/3
00101002 OtherPatientIDsSequence 3/3
00100030 PatientBirthDate 3/2
00100040 PatientSex 3/2
00081120 ReferencedPatientSequence 3/2
00380010 AdmissionID 3/3
00380014 IssuerOfAdmissionIDSequence 3/3
00380060 ServiceEpisodeID 3/3
00380064 IssuerOfServiceEpisodeIDSequence 3/3
00380062 ServiceEpisodeDescription 3/3
00400241 PerformedStationAETitle 3/1
00400242 PerformedStationName 3/2
00400243 PerformedLocation 3/2
00400244 PerformedProcedureStepStartDate 3/1
00400245 PerformedProcedureStepStartTime 3/1
00400253 PerformedProcedureStepID 3/1
00400252 PerformedProcedureStepStatus 3/1
00400250 PerformedProcedureStepEndDate 3/2
00400251 PerformedProcedureStepEndTime 3/2
00400254 PerformedProcedureStepDescription 3/2
00400255 PerformedProcedureTypeDescription 3/2
00081032 ProcedureCodeSequence 3/2
00401012 ReasonForPerformedProcedureCodeSequence 3/3
00400280 CommentsOnThePerformedProcedureStep 3/3
00400281 PerformedProcedureStepDiscontinuationReasonCodeSequence 3/2
00400340 PerformedSeriesSequence 3/2
00080060 Modality 3/1
00200010 StudyID 3/2
00400260 PerformedProtocolCodeSequence 3/2
00400320 BillingProcedureStepSequence 3/3
00400321 FilmConsumptionSequence 3/3
00400324 BillingSuppliesAndDevicesSequence 3/3
`;

/** Macros F.7.2-1a to f; where the sequence is not settable their items are not either. */
export const MACROS: Readonly<Record<string, string>> = {
  /** SOP Instance Reference. */
  sop: `
00081150 ReferencedSOPClassUID 1/1 1/1
00081155 ReferencedSOPInstanceUID 1/1 1/1
`,
  /** HL7v2 Hierarchic Designator. */
  hl7: `
00400031 LocalNamespaceEntityID 1C/1C 1C/1C if-local
00400032 UniversalEntityID 1C/1C 1C/1C if-universal
00400033 UniversalEntityIDType 1C/1C 1C/1C if-type
`,
  /** Issuer of Patient ID. */
  issuer: `
00400032 UniversalEntityID 3/3 3/3
00400033 UniversalEntityIDType 1C/1C 1C/1C if-type
00400035 IdentifierTypeCode 3/3 3/3 other
00400036 AssigningFacilitySequence 3/3 3/3 other open
00400039 AssigningJurisdictionCodeSequence 3/3 3/3 other open
0040003A AssigningAgencyOrDepartmentCodeSequence 3/3 3/3 other open
`,
  /** Code Sequence. */
  code: `
00080100 CodeValue 1C/1C 3/1C if-code
00080102 CodingSchemeDesignator 1C/1C 1C/1C if-scheme
00080103 CodingSchemeVersion 1C/1C 1C/1C if-version
00080104 CodeMeaning 1/1 1/1
00080119 LongCodeValue 1C/1C 3/1C if-long
00080120 URNCodeValue 1C/1C 3/1C if-urn
00080105 MappingResource 3/3 3/3
00080118 MappingResourceUID 3/3 3/3
00080106 ContextGroupVersion 3/3 3/3
0008010B ContextGroupExtensionFlag 3/3 3/3
00080107 ContextGroupLocalVersion 3/3 3/3
0008010D ContextGroupExtensionCreatorUID 3/3 3/3
00080121 EquivalentCodeSequence 3/3 3/3 @same
`,
  /** Code Sequence whose meaning is optional. */
  'code-brief': `
00080100 CodeValue 1C/1C 3/1C if-code
00080102 CodingSchemeDesignator 1C/1C 1C/1C if-scheme
00080103 CodingSchemeVersion 1C/1C 1C/1C if-version
00080104 CodeMeaning 3/3 3/3
00080119 LongCodeValue 1C/1C 3/1C if-long
00080120 URNCodeValue 1C/1C 3/1C if-urn
00080105 MappingResource 3/3 3/3
00080118 MappingResourceUID 3/3 3/3
00080106 ContextGroupVersion 3/3 3/3
0008010B ContextGroupExtensionFlag 3/3 3/3
00080107 ContextGroupLocalVersion 3/3 3/3
0008010D ContextGroupExtensionCreatorUID 3/3 3/3
00080121 EquivalentCodeSequence 3/3 3/3 @same
`,
};
