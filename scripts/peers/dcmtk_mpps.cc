/* usage: dcmtk_mpps scp PORT FOLDER
 *        dcmtk_mpps scu HOST PORT CALLED_AET CALLING_AET FOLDER STEP...
 * MPPS (N-CREATE, N-SET, N-GET) on DCMTK's DcmSCP and DcmSCU. STEP: create:UID:FILE (UID may be empty), set:UID:FILE,
 * get:UID; all over one association, FILE is a DICOM file. The SCP keeps instances in memory and checks states only:
 * 0111, 0112, 0106 for a first status other than IN PROGRESS, 0110 after a final one. Every message (SCP) or response
 * (SCU) is one line of JSON; its data set, as it came, a DICOM file in FOLDER.
 * build: g++ -O1 -o dcmtk_mpps dcmtk_mpps.cc -ldcmnet -ldcmdata -loflog -lofstd   (Debian: libdcmtk-dev, g++)
 */
#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmnet/diutil.h"
#include "dcmtk/dcmnet/scp.h"
#include "dcmtk/dcmnet/scu.h"
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>
using std::string;

static const char *MPPS = UID_ModalityPerformedProcedureStepSOPClass;
static const char *RETRIEVE = UID_ModalityPerformedProcedureStepRetrieveSOPClass;

static string folder;
static int files = 0;

static string hex(unsigned v) {
    char b[8];
    snprintf(b, sizeof b, "%04x", v);
    return b;
}

static string quoted(const string &s) {
    string out = "\"";
    for (char c : s) out += c == '"' || c == '\\' ? string("\\") + c : (unsigned char)c < 32 ? string(" ") : string(1, c);
    return out + "\"";
}

static void say(const string &s) { std::cout << s << std::endl; }

/* A copy goes into a file: the data set stays what was received. */
static string saved(DcmDataset *d) {
    const string path = folder + "/" + std::to_string(getpid()) + "-" + std::to_string(++files) + ".dcm";
    DcmFileFormat file(OFstatic_cast(DcmDataset *, d->clone()), OFFalse);
    file.getMetaInfo()->putAndInsertString(DCM_MediaStorageSOPClassUID, MPPS);
    file.getMetaInfo()->putAndInsertString(DCM_MediaStorageSOPInstanceUID, "2.25.1");
    OFCondition c = file.saveFile(path.c_str(), EXS_LittleEndianExplicit, EET_ExplicitLength, EGL_recalcGL, EPD_noChange, 0, 0, EWM_dontUpdateMeta);
    if (c.bad()) c = file.saveFile(path.c_str(), EXS_LittleEndianExplicit);
    if (c.bad()) say(string("cannot save: ") + c.text());
    return path;
}

static OFList<OFString> syntaxes() {
    OFList<OFString> l;
    l.push_back(UID_LittleEndianExplicitTransferSyntax);
    l.push_back(UID_LittleEndianImplicitTransferSyntax);
    return l;
}

static string state(DcmDataset *d) {
    OFString s;
    if (d) d->findAndGetOFString(DCM_PerformedProcedureStepStatus, s);
    return s.c_str();
}

template <size_t N> static void copy(char (&to)[N], const string &from) { OFStandard::strlcpy(to, from.c_str(), N); }

struct Scu : DcmSCU {
    Uint16 message = 0;

    bool send(const string &kind, const string &uid, const string &path) {
        DcmFileFormat file;
        if (kind != "get" && file.loadFile(path.c_str()).bad()) return say("cannot read " + path), false;
        T_ASC_PresentationContextID id = findPresentationContextID(kind == "get" ? RETRIEVE : MPPS, "");
        if (!id) return say(kind + ": no presentation context"), false;
        T_DIMSE_Message m;
        memset((char *)&m, 0, sizeof m);
        if (kind == "create") {
            m.CommandField = DIMSE_N_CREATE_RQ;
            T_DIMSE_N_CreateRQ &q = m.msg.NCreateRQ;
            q.MessageID = ++message, q.DataSetType = DIMSE_DATASET_PRESENT;
            q.opts = uid.empty() ? 0 : O_NCREATE_AFFECTEDSOPINSTANCEUID;
            copy(q.AffectedSOPClassUID, MPPS), copy(q.AffectedSOPInstanceUID, uid);
        } else if (kind == "set") {
            m.CommandField = DIMSE_N_SET_RQ;
            T_DIMSE_N_SetRQ &q = m.msg.NSetRQ;
            q.MessageID = ++message, q.DataSetType = DIMSE_DATASET_PRESENT;
            copy(q.RequestedSOPClassUID, MPPS), copy(q.RequestedSOPInstanceUID, uid);
        } else {
            m.CommandField = DIMSE_N_GET_RQ;
            T_DIMSE_N_GetRQ &q = m.msg.NGetRQ;
            q.MessageID = ++message, q.DataSetType = DIMSE_DATASET_NULL;
            copy(q.RequestedSOPClassUID, RETRIEVE), copy(q.RequestedSOPInstanceUID, uid);
        }
        if (sendDIMSEMessage(id, &m, kind == "get" ? NULL : file.getDataset()).bad()) return say(kind + ": send failed"), false;
        return receive(kind);
    }

    bool receive(const string &kind) {
        T_ASC_PresentationContextID id = 0;
        T_DIMSE_Message r;
        DcmDataset *detail = NULL, *answer = NULL;
        if (receiveDIMSECommand(&id, &r, &detail, NULL, 60).bad()) return say(kind + ": no response"), false;
        std::unique_ptr<DcmDataset> owner(detail);
        Uint16 status;
        bool has;
        string uid;
        if (r.CommandField == DIMSE_N_CREATE_RSP) {
            T_DIMSE_N_CreateRSP &s = r.msg.NCreateRSP;
            status = s.DimseStatus, has = s.DataSetType != DIMSE_DATASET_NULL, uid = s.AffectedSOPInstanceUID;
        } else if (r.CommandField == DIMSE_N_SET_RSP) {
            T_DIMSE_N_SetRSP &s = r.msg.NSetRSP;
            status = s.DimseStatus, has = s.DataSetType != DIMSE_DATASET_NULL, uid = s.AffectedSOPInstanceUID;
        } else if (r.CommandField == DIMSE_N_GET_RSP) {
            T_DIMSE_N_GetRSP &s = r.msg.NGetRSP;
            status = s.DimseStatus, has = s.DataSetType != DIMSE_DATASET_NULL, uid = s.AffectedSOPInstanceUID;
        } else return say(kind + ": unexpected response"), false;
        std::ostringstream line;
        line << "{\"step\":" << quoted(kind) << ",\"status\":" << quoted(hex(status)) << ",\"uid\":" << quoted(uid);
        OFString comment;
        if (detail && detail->findAndGetOFString(DCM_ErrorComment, comment).good()) line << ",\"comment\":" << quoted(comment.c_str());
        Uint16 error;
        if (detail && detail->findAndGetUint16(DCM_ErrorID, error).good()) line << ",\"errorId\":" << quoted(hex(error));
        line << ",\"attributes\":[";
        DcmElement *list = NULL;
        if (detail && detail->findAndGetElement(DCM_AttributeIdentifierList, list).good()) {
            for (unsigned long i = 0; i < list->getVM(); i++) {
                OFString tag;
                list->getOFString(tag, i); // "(gggg,eeee)"
                const string t = tag.c_str();
                line << (i ? "," : "") << quoted(t.size() == 11 ? t.substr(1, 4) + t.substr(6, 4) : t);
            }
        }
        line << "]";
        if (has && receiveDIMSEDataset(&id, &answer).good()) {
            std::unique_ptr<DcmDataset> data(answer);
            line << ",\"file\":" << quoted(saved(answer));
        }
        say(line.str() + "}");
        return true;
    }
};

struct Scp : DcmSCP {
    std::map<string, std::unique_ptr<DcmDataset>> store;

    std::unique_ptr<DcmDataset> take(bool present, T_ASC_PresentationContextID id) {
        DcmDataset *d = NULL;
        if (present) receiveDIMSEDataset(&id, &d);
        return std::unique_ptr<DcmDataset>(d);
    }

    void tell(const char *name, const string &uid, Uint16 status, DcmDataset *d) {
        say(string("{\"message\":\"") + name + "\",\"uid\":" + quoted(uid) + ",\"calling\":" + quoted(getPeerAETitle().c_str()) +
            ",\"status\":" + quoted(hex(status)) + (d ? ",\"file\":" + quoted(saved(d)) : "") + "}");
    }

    OFCondition handleIncomingCommand(T_DIMSE_Message *m, const DcmPresentationContextInfo &pc) {
        T_DIMSE_Message r;
        memset((char *)&r, 0, sizeof r);
        const T_ASC_PresentationContextID id = pc.presentationContextID;
        if (m->CommandField == DIMSE_N_CREATE_RQ) {
            T_DIMSE_N_CreateRQ &q = m->msg.NCreateRQ;
            std::unique_ptr<DcmDataset> data = take(q.DataSetType != DIMSE_DATASET_NULL, id);
            char made[100];
            const string uid = q.opts & O_NCREATE_AFFECTEDSOPINSTANCEUID ? q.AffectedSOPInstanceUID : dcmGenerateUniqueIdentifier(made);
            Uint16 status = 0;
            if (store.count(uid)) status = STATUS_N_DuplicateSOPInstance;
            else if (state(data.get()) != "IN PROGRESS") status = STATUS_N_InvalidAttributeValue;
            tell("N-CREATE", uid, status, data.get());
            if (!status) store[uid] = std::move(data);
            r.CommandField = DIMSE_N_CREATE_RSP;
            T_DIMSE_N_CreateRSP &s = r.msg.NCreateRSP;
            s.MessageIDBeingRespondedTo = q.MessageID, s.DimseStatus = status, s.DataSetType = DIMSE_DATASET_NULL;
            s.opts = O_NCREATE_AFFECTEDSOPCLASSUID | O_NCREATE_AFFECTEDSOPINSTANCEUID;
            copy(s.AffectedSOPClassUID, q.AffectedSOPClassUID), copy(s.AffectedSOPInstanceUID, uid);
            return sendDIMSEMessage(id, &r, NULL);
        }
        if (m->CommandField == DIMSE_N_SET_RQ) {
            T_DIMSE_N_SetRQ &q = m->msg.NSetRQ;
            std::unique_ptr<DcmDataset> data = take(q.DataSetType != DIMSE_DATASET_NULL, id);
            auto found = store.find(q.RequestedSOPInstanceUID);
            Uint16 status = 0;
            if (found == store.end()) status = STATUS_N_NoSuchSOPInstance;
            else if (state(found->second.get()) != "IN PROGRESS") status = STATUS_N_ProcessingFailure;
            tell("N-SET", q.RequestedSOPInstanceUID, status, data.get());
            for (unsigned long n = 0; !status && data && n < data->card(); n++)
                found->second->insert(OFstatic_cast(DcmElement *, data->getElement(n)->clone()), OFTrue);
            r.CommandField = DIMSE_N_SET_RSP;
            T_DIMSE_N_SetRSP &s = r.msg.NSetRSP;
            s.MessageIDBeingRespondedTo = q.MessageID, s.DimseStatus = status, s.DataSetType = DIMSE_DATASET_NULL;
            s.opts = O_NSET_AFFECTEDSOPCLASSUID | O_NSET_AFFECTEDSOPINSTANCEUID;
            copy(s.AffectedSOPClassUID, q.RequestedSOPClassUID), copy(s.AffectedSOPInstanceUID, q.RequestedSOPInstanceUID);
            return sendDIMSEMessage(id, &r, NULL);
        }
        if (m->CommandField == DIMSE_N_GET_RQ) {
            T_DIMSE_N_GetRQ &q = m->msg.NGetRQ;
            auto found = store.find(q.RequestedSOPInstanceUID);
            const Uint16 status = found == store.end() ? STATUS_N_NoSuchSOPInstance : 0;
            tell("N-GET", q.RequestedSOPInstanceUID, status, NULL);
            r.CommandField = DIMSE_N_GET_RSP;
            T_DIMSE_N_GetRSP &s = r.msg.NGetRSP;
            s.MessageIDBeingRespondedTo = q.MessageID, s.DimseStatus = status;
            s.DataSetType = status ? DIMSE_DATASET_NULL : DIMSE_DATASET_PRESENT;
            s.opts = O_NGET_AFFECTEDSOPCLASSUID | O_NGET_AFFECTEDSOPINSTANCEUID;
            copy(s.AffectedSOPClassUID, q.RequestedSOPClassUID), copy(s.AffectedSOPInstanceUID, q.RequestedSOPInstanceUID);
            return sendDIMSEMessage(id, &r, status ? NULL : found->second.get());
        }
        return DcmSCP::handleIncomingCommand(m, pc);
    }
};

int main(int n, char **v) {
    const std::vector<string> a(v + 1, v + n);
    OFLog::configure(OFLogger::ERROR_LOG_LEVEL);
    if (a.size() == 3 && a[0] == "scp") {
        folder = a[2];
        Scp s;
        s.setAETitle("DCMTK");
        s.setRespondWithCalledAETitle(OFTrue);
        s.setPort(atoi(a[1].c_str()));
        for (const char *sop : {UID_VerificationSOPClass, MPPS, RETRIEVE}) s.addPresentationContext(sop, syntaxes());
        const OFCondition c = s.listen();
        say(c.text());
        return c.bad();
    }
    if (a.size() > 6 && a[0] == "scu") {
        folder = a[5];
        Scu s;
        s.setPeerHostName(a[1].c_str()), s.setPeerPort(atoi(a[2].c_str()));
        s.setPeerAETitle(a[3].c_str()), s.setAETitle(a[4].c_str());
        for (const char *sop : {MPPS, RETRIEVE}) s.addPresentationContext(sop, syntaxes());
        OFCondition c = s.initNetwork();
        if (c.good()) c = s.negotiateAssociation();
        if (c.bad()) return say(string("no association: ") + c.text()), 1;
        bool good = true;
        for (size_t i = 6; good && i < a.size(); i++) {
            std::vector<string> p;
            std::istringstream in(a[i]);
            for (string x; std::getline(in, x, ':');) p.push_back(x);
            p.resize(3);
            good = s.send(p[0], p[1], p[2]);
        }
        s.releaseAssociation();
        return !good;
    }
    std::cerr << "see the head of dcmtk_mpps.cc\n";
    return 2;
}
