/**
 * What a worklist entry and a workitem have in common, as the first proxies of DICOM WG-27 had it (Tables K.6-1 and CC.2.5-3 of
 * PS3.4), one attribute a line: tag, keyword. What is not here is made by `scheduled.ts`, or has no place on the other side.
 */
import type { Tag } from '../../dataset/model.ts';

/** Patient, visit and code bars: the same attribute on both sides. */
const IN_BOTH = `
00080080 InstitutionName
00080081 InstitutionAddress
00080082 InstitutionCodeSequence
00080092 ReferringPhysicianAddress
00080094 ReferringPhysicianTelephoneNumbers
00080096 ReferringPhysicianIdentificationSequence
0008009C ConsultingPhysicianName
0008009D ConsultingPhysicianIdentificationSequence
00081040 InstitutionalDepartmentName
00081041 InstitutionalDepartmentTypeCodeSequence
00081080 AdmittingDiagnosesDescription
00081084 AdmittingDiagnosesCodeSequence
00100010 PatientName
00100020 PatientID
00100021 IssuerOfPatientID
00100022 TypeOfPatientID
00100024 IssuerOfPatientIDQualifiersSequence
00100030 PatientBirthDate
00100032 PatientBirthTime
00100040 PatientSex
00100050 PatientInsurancePlanCodeSequence
00100101 PatientPrimaryLanguageCodeSequence
00100200 QualityControlSubject
00100212 StrainDescription
00100213 StrainNomenclature
00100216 StrainStockSequence
00100218 StrainAdditionalInformation
00100219 StrainCodeSequence
00100221 GeneticModificationsSequence
00101002 OtherPatientIDsSequence
00101005 PatientBirthName
00101010 PatientAge
00101020 PatientSize
00101021 PatientSizeCodeSequence
00101022 PatientBodyMassIndex
00101023 MeasuredAPDimension
00101024 MeasuredLateralDimension
00101030 PatientWeight
00101040 PatientAddress
00101080 MilitaryRank
00101081 BranchOfService
00101100 ReferencedPatientPhotoSequence
00102000 MedicalAlerts
00102110 Allergies
00102150 CountryOfResidence
00102152 RegionOfResidence
00102154 PatientTelephoneNumbers
00102155 PatientTelecomInformation
00102160 EthnicGroup
00102161 EthnicGroupCodeSequence
00102180 Occupation
001021A0 SmokingStatus
001021B0 AdditionalPatientHistory
001021C0 PregnancyStatus
001021D0 LastMenstrualDate
001021F0 PatientReligiousPreference
00102201 PatientSpeciesDescription
00102202 PatientSpeciesCodeSequence
00102203 PatientSexNeutered
00102292 PatientBreedDescription
00102293 PatientBreedCodeSequence
00102294 BreedRegistrationSequence
00102297 ResponsiblePerson
00102298 ResponsiblePersonRole
00102299 ResponsibleOrganization
00104000 PatientComments
00321066 ReasonForVisit
00321067 ReasonForVisitCodeSequence
00380008 VisitStatusID
00380010 AdmissionID
00380014 IssuerOfAdmissionIDSequence
00380016 RouteOfAdmissions
00380020 AdmittingDate
00380021 AdmittingTime
00380050 SpecialNeeds
00380060 ServiceEpisodeID
00380062 ServiceEpisodeDescription
00380064 IssuerOfServiceEpisodeIDSequence
00380100 PertinentDocumentsSequence
00380101 PertinentResourcesSequence
00380300 CurrentPatientLocation
00380400 PatientInstitutionResidence
00380500 PatientState
00380502 PatientClinicalTrialParticipationSequence
00384000 VisitComments
00403001 ConfidentialityConstraintOnPatientDataDescription
22000005 BarcodeValue
`;

/** Of the entry; of the item of Referenced Request Sequence of the workitem. */
const OF_REQUEST = `
00080050 AccessionNumber
00080051 IssuerOfAccessionNumberSequence
00080090 ReferringPhysicianName
0020000D StudyInstanceUID
00321032 RequestingPhysician
00321033 RequestingService
00321034 RequestingServiceCodeSequence
00321060 RequestedProcedureDescription
00321064 RequestedProcedureCodeSequence
00400026 OrderPlacerIdentifierSequence
00400027 OrderFillerIdentifierSequence
00401001 RequestedProcedureID
00401002 ReasonForTheRequestedProcedure
00401008 ConfidentialityCode
0040100A ReasonForRequestedProcedureCodeSequence
00401010 NamesOfIntendedRecipientsOfResults
00401400 RequestedProcedureComments
00402004 IssueDateOfImagingServiceRequest
00402005 IssueTimeOfImagingServiceRequest
00402016 PlacerOrderNumberImagingServiceRequest
00402017 FillerOrderNumberImagingServiceRequest
00402400 ImagingServiceRequestComments
`;

/** Of the item of Scheduled Procedure Step Sequence of the entry; of the workitem itself. */
const OF_STEP = `
0018990C ReferencedDefinedProtocolSequence
0018990D ReferencedPerformedProtocolSequence
00400400 CommentsOnTheScheduledProcedureStep
300A0700 TreatmentSessionUID
`;

export const TIMEZONE: Tag = '00080201';
export const COPIED_TAGS: readonly Tag[] = tagsOf(IN_BOTH);
export const REQUEST_TAGS: readonly Tag[] = tagsOf(OF_REQUEST);
export const STEP_TAGS: readonly Tag[] = tagsOf(OF_STEP);

function tagsOf(text: string): Tag[] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.slice(0, 8));
}
