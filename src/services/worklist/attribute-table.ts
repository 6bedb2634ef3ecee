/**
 * PS3.4 Table K.6-1, Modality Worklist Information Model (2020c, with (0032,1065) of 2024/25), one attribute a line:
 * tag, keyword, matching key type (R required, O optional, - never), return key type; indented lines are the items of
 * the sequence above. `other` marks what the rows "all other attributes of the module" bring in, `open` a sequence
 * whose items the table leaves open, `@name` the items of a macro below, `@same` those of the macro it stands in, above
 * itself. An attribute of several modules stands once.
 */
export const TABLE_K_6_1 = `
00400100 ScheduledProcedureStepSequence R 1
  00400001 ScheduledStationAETitle R 1
  00400002 ScheduledProcedureStepStartDate R 1
  00400003 ScheduledProcedureStepStartTime R 1
  00080060 Modality R 1
  00400006 ScheduledPerformingPhysicianName R 2
  00400007 ScheduledProcedureStepDescription O 1C
  00400010 ScheduledStationName O 2
  00400011 ScheduledProcedureStepLocation O 2
  0018990C ReferencedDefinedProtocolSequence O 3 @sop
  0018990D ReferencedPerformedProtocolSequence O 3 @sop
  00400008 ScheduledProtocolCodeSequence O 1C @code
    00400440 ProtocolContextSequence - 3
      0040A040 ValueType - 1
      0040A043 ConceptNameCodeSequence - 1 @code-returned
      0040A120 DateTime - 1C
      0040A123 PersonName - 1C
      0040A160 TextValue - 1C
      0040A168 ConceptCodeSequence - 1C @code-returned
      0040A30A NumericValue - 1C
      004008EA MeasurementUnitsCodeSequence - 1C @code-returned
      0040A032 ObservationDateTime - 3 other
      0040A033 ObservationStartDateTime - 3 other
      0040A121 Date - 3 other
      0040A122 Time - 3 other
      0040A124 UID - 3 other
      0040A161 FloatingPointValue - 3 other
      0040A162 RationalNumeratorValue - 3 other
      0040A163 RationalDenominatorValue - 3 other
      00081199 ReferencedSOPSequence - 3 other open
  00400012 PreMedication O 2C
  00400009 ScheduledProcedureStepID O 1
  00321070 RequestedContrastAgent O 2C
  00400020 ScheduledProcedureStepStatus O 3
  00400004 ScheduledProcedureStepEndDate O 3 other
  00400005 ScheduledProcedureStepEndTime O 3 other
  0040000B ScheduledPerformingPhysicianIdentificationSequence O 3 other open
  00400400 CommentsOnTheScheduledProcedureStep O 3 other
  00102210 AnatomicalOrientationType O 3 other
  300A0700 TreatmentSessionUID O 3 other
00400500 ScheduledSpecimenSequence O 3
  00400512 ContainerIdentifier O 1
  00400518 ContainerTypeCodeSequence - 2 @code-returned
  00400560 SpecimenDescriptionSequence O 1
    00400551 SpecimenIdentifier O 1
    00400554 SpecimenUID O 1
    00400562 IssuerOfTheSpecimenIdentifierSequence O 3 other open
    0040059A SpecimenTypeCodeSequence O 3 other open
    00400600 SpecimenShortDescription O 3 other
    00400602 SpecimenDetailedDescription O 3 other
    00400610 SpecimenPreparationSequence O 3 other open
    00082228 PrimaryAnatomicStructureSequence O 3 other open
    00082230 PrimaryAnatomicStructureModifierSequence O 3 other open
    00400620 SpecimenLocalizationContentItemSequence O 3 other open
  00400513 IssuerOfTheContainerIdentifierSequence O 3 other open
  00400515 AlternateContainerIdentifierSequence O 3 other open
  0040051A ContainerDescription O 3 other
  00400520 ContainerComponentSequence O 3 other open
22000005 BarcodeValue O 3
00401001 RequestedProcedureID O 1
00321060 RequestedProcedureDescription O 1C
00321064 RequestedProcedureCodeSequence O 1C @code
00321065 RequestedLateralityCodeSequence O 3 @code
0020000D StudyInstanceUID O 1
00080020 StudyDate O 3
00080030 StudyTime O 3
00081110 ReferencedStudySequence O 2 @sop
00401003 RequestedProcedurePriority O 2
00401004 PatientTransportArrangements O 2
00401002 ReasonForTheRequestedProcedure O 3 other
00401400 RequestedProcedureComments O 3 other
0040100A ReasonForRequestedProcedureCodeSequence O 3 other open
00401005 RequestedProcedureLocation O 3 other
00401008 ConfidentialityCode O 3 other
00401009 ReportingPriority O 3 other
00401010 NamesOfIntendedRecipientsOfResults O 3 other
00401011 IntendedRecipientsOfResultsIdentificationSequence O 3 other open
00080050 AccessionNumber O 2
00080051 IssuerOfAccessionNumberSequence O 3 @hl7
00321032 RequestingPhysician O 2
00080090 ReferringPhysicianName O 2
00402400 ImagingServiceRequestComments O 3 other
00321031 RequestingPhysicianIdentificationSequence O 3 other open
00080096 ReferringPhysicianIdentificationSequence O 3 other open
00321033 RequestingService O 3 other
00321034 RequestingServiceCodeSequence O 3 other open
00402004 IssueDateOfImagingServiceRequest O 3 other
00402005 IssueTimeOfImagingServiceRequest O 3 other
00402016 PlacerOrderNumberImagingServiceRequest O 3 other
00400026 OrderPlacerIdentifierSequence O 3 other @hl7
00402017 FillerOrderNumberImagingServiceRequest O 3 other
00400027 OrderFillerIdentifierSequence O 3 other @hl7
00402008 OrderEnteredBy O 3 other
00402009 OrderEntererLocation O 3 other
00402010 OrderCallbackPhoneNumber O 3 other
00402011 OrderCallbackTelecomInformation O 3 other
00380010 AdmissionID O 2
00380014 IssuerOfAdmissionIDSequence O 3 @hl7
00080080 InstitutionName O 3 other
00080081 InstitutionAddress O 3 other
00080082 InstitutionCodeSequence O 3 other open
00081040 InstitutionalDepartmentName O 3 other
00081041 InstitutionalDepartmentTypeCodeSequence O 3 other open
00321066 ReasonForVisit O 3 other
00321067 ReasonForVisitCodeSequence O 3 other open
00380060 ServiceEpisodeID O 3 other
00380064 IssuerOfServiceEpisodeIDSequence O 3 other @hl7
00380062 ServiceEpisodeDescription O 3 other
00380300 CurrentPatientLocation O 2
00380008 VisitStatusID O 3 other
00380400 PatientInstitutionResidence O 3 other
00384000 VisitComments O 3 other
00081120 ReferencedPatientSequence O 2 @sop
00080092 ReferringPhysicianAddress O 3 other
00080094 ReferringPhysicianTelephoneNumbers O 3 other
0008009C ConsultingPhysicianName O 3 other
0008009D ConsultingPhysicianIdentificationSequence O 3 other open
00081080 AdmittingDiagnosesDescription O 3 other
00081084 AdmittingDiagnosesCodeSequence O 3 other open
00380016 RouteOfAdmissions O 3 other
00380020 AdmittingDate O 3 other
00380021 AdmittingTime O 3 other
00081125 ReferencedVisitSequence O 3 other open
00100010 PatientName R 1
00100020 PatientID R 1
00100021 IssuerOfPatientID O 3
00100024 IssuerOfPatientIDQualifiersSequence O 3
  00400032 UniversalEntityID O 3
  00400033 UniversalEntityIDType O 1C
  00400035 IdentifierTypeCode O 3 other
  00400036 AssigningFacilitySequence O 3 other open
  00400039 AssigningJurisdictionCodeSequence O 3 other open
  0040003A AssigningAgencyOrDepartmentCodeSequence O 3 other open
00101002 OtherPatientIDsSequence O 3
  00100020 PatientID O 3
  00100021 IssuerOfPatientID O 3
  00100024 IssuerOfPatientIDQualifiersSequence O 3 open
  00100022 TypeOfPatientID O 3
00100022 TypeOfPatientID O 3 other
00101001 OtherPatientNames O 3 other
00101005 PatientBirthName O 3 other
00101060 PatientMotherBirthName O 3 other
00101100 ReferencedPatientPhotoSequence O 3 other open
00100026 SourcePatientGroupIdentificationSequence O 3 other open
00100027 GroupOfPatientsIdentificationSequence O 3 other open
00100030 PatientBirthDate O 2
00100040 PatientSex O 2
00100101 PatientPrimaryLanguageCodeSequence O 3 @code-language
  00100102 PatientPrimaryLanguageModifierCodeSequence O 3 @code-language
00101030 PatientWeight O 2
00101020 PatientSize O 3
00403001 ConfidentialityConstraintOnPatientDataDescription O 2
00101010 PatientAge O 3 other
00102180 Occupation O 3 other
00100032 PatientBirthTime O 3 other
00100200 QualityControlSubject O 3 other
00100050 PatientInsurancePlanCodeSequence O 3 other open
00101021 PatientSizeCodeSequence O 3 other open
00101040 PatientAddress O 3 other
00101080 MilitaryRank O 3 other
00101081 BranchOfService O 3 other
00102150 CountryOfResidence O 3 other
00102152 RegionOfResidence O 3 other
00102154 PatientTelephoneNumbers O 3 other
00102155 PatientTelecomInformation O 3 other
00102160 EthnicGroup O 3 other
00102161 EthnicGroupCodeSequence O 3 other open
001021F0 PatientReligiousPreference O 3 other
00104000 PatientComments O 3 other
00102297 ResponsiblePerson O 3 other
00102298 ResponsiblePersonRole O 3 other
00102299 ResponsibleOrganization O 3 other
00102201 PatientSpeciesDescription O 3 other
00102202 PatientSpeciesCodeSequence O 3 other open
00102292 PatientBreedDescription O 3 other
00102293 PatientBreedCodeSequence O 3 other open
00102294 BreedRegistrationSequence O 3 other open
00100212 StrainDescription O 3 other
00100213 StrainNomenclature O 3 other
00100219 StrainCodeSequence O 3 other open
00100218 StrainAdditionalInformation O 3 other
00100216 StrainStockSequence O 3 other open
00100221 GeneticModificationsSequence O 3 other open
00380500 PatientState O 2
001021C0 PregnancyStatus O 2
00102000 MedicalAlerts O 2
00102110 Allergies O 2
00380050 SpecialNeeds O 2
00380100 PertinentDocumentsSequence O 3
  00081150 ReferencedSOPClassUID - 1
  00081155 ReferencedSOPInstanceUID - 1
  0040A170 PurposeOfReferenceCodeSequence - 2 @code-returned
  00420010 DocumentTitle - 2
001021A0 SmokingStatus O 3 other
001021B0 AdditionalPatientHistory O 3 other
001021D0 LastMenstrualDate O 3 other
00102203 PatientSexNeutered O 3 other
00101022 PatientBodyMassIndex O 3 other
00101023 MeasuredAPDimension O 3 other
00101024 MeasuredLateralDimension O 3 other
00380101 PertinentResourcesSequence O 3 other open
00380502 PatientClinicalTrialParticipationSequence O 3 other open
`;

/** Macros of PS3.4 Tables 8-2a/b, 8-3a/b and 8-4a/b, and of PS3.3 Tables 10-11 and 10-17. */
export const MACROS: Readonly<Record<string, string>> = {
  /** SOP Instance Reference. */
  sop: `
00081150 ReferencedSOPClassUID O 1
00081155 ReferencedSOPInstanceUID O 1
`,
  /** HL7v2 Hierarchic Designator. */
  hl7: `
00400031 LocalNamespaceEntityID O 1C
00400032 UniversalEntityID O 1C
00400033 UniversalEntityIDType O 1C
`,
  /** Code Sequence, as a key. */
  code: `
00080100 CodeValue O 1C
00080102 CodingSchemeDesignator O 1C
00080103 CodingSchemeVersion O 3
00080104 CodeMeaning O 3
00080119 LongCodeValue O 1C
00080120 URNCodeValue O 1C
00080105 MappingResource O 3
00080118 MappingResourceUID O 3
00080106 ContextGroupVersion O 3
0008010B ContextGroupExtensionFlag O 3
00080107 ContextGroupLocalVersion O 3
0008010D ContextGroupExtensionCreatorUID O 3
00080121 EquivalentCodeSequence O 3 @same
`,
  /** Code Sequence that is returned only. */
  'code-returned': `
00080100 CodeValue - 1C
00080102 CodingSchemeDesignator - 1C
00080103 CodingSchemeVersion - 1C
00080104 CodeMeaning - 1
00080119 LongCodeValue - 1C
00080120 URNCodeValue - 1C
00080105 MappingResource - 3
00080118 MappingResourceUID - 3
00080106 ContextGroupVersion - 3
0008010B ContextGroupExtensionFlag - 3
00080107 ContextGroupLocalVersion - 3
0008010D ContextGroupExtensionCreatorUID - 3
00080121 EquivalentCodeSequence - 3 @same
`,
  /** Code Sequence for languages, whose version matters (RFC 5646). */
  'code-language': `
00080100 CodeValue O 1C
00080102 CodingSchemeDesignator O 1C
00080103 CodingSchemeVersion R 1C
00080104 CodeMeaning O 1
00080119 LongCodeValue O 1C
00080120 URNCodeValue O 1C
00080105 MappingResource O 3
00080118 MappingResourceUID O 3
00080106 ContextGroupVersion O 3
0008010B ContextGroupExtensionFlag O 3
00080107 ContextGroupLocalVersion O 3
0008010D ContextGroupExtensionCreatorUID O 3
00080121 EquivalentCodeSequence O 3 @same
`,
};
