//! The kinds of numbers that states assign to people.

/// Declares [`NationalId`] from one list of its variants, their names and their documentation.
macro_rules! national_ids {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal),+ $(,)?) => {
        /// A kind of number that a state assigns to a person.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum NationalId {
            $($(#[doc = $doc])* $variant),+
        }

        impl NationalId {
            /// All kinds.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name: the state's ISO 3166 code (but `uk` for the United Kingdom) and the
            /// number's own name, such as `fr_nir`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }
    };
}

national_ids! {
    /// Clave Única de Identificación Laboral: two digits, DNI, check digit modulo 11.
    ArCuil = "ar_cuil",
    /// Australian Business Number, which sole traders have too: modulo 89.
    AuAbn = "au_abn",
    /// Medicare card.
    AuMedicare = "au_medicare",
    /// Tax File Number: modulo 11.
    AuTfn = "au_tfn",
    /// Rijksregisternummer: modulo 97.
    BeNational = "be_national",
    /// Cadastro Nacional da Pessoa Jurídica: two check digits.
    BrCnpj = "br_cnpj",
    /// Cadastro de Pessoas Físicas: two check digits.
    BrCpf = "br_cpf",
    /// Social Insurance Number: Luhn.
    CaSin = "ca_sin",
    /// AHV number: EAN-13 with prefix 756.
    ChAhv = "ch_ahv",
    /// Rol Único Tributario: modulo 11.
    ClRut = "cl_rut",
    /// Resident identity number, GB 11643: ISO 7064 MOD 11-2.
    CnResident = "cn_resident",
    /// Rodné číslo, also used in Slovakia: divisible by 11.
    CzBirth = "cz_birth",
    /// Krankenversichertennummer: weights 1 and 2.
    DeHealth = "de_health",
    /// Lebenslange Arztnummer of a physician.
    DeLanr = "de_lanr",
    /// Passport or identity card: weights 7, 3, 1 (ICAO 9303).
    DePassport = "de_passport",
    /// Rentenversicherungsnummer.
    DeSocialSecurity = "de_social_security",
    /// Steuerliche Identifikationsnummer: ISO 7064 MOD 11,10.
    DeTaxId = "de_tax_id",
    /// CPR number.
    DkCpr = "dk_cpr",
    /// Isikukood, and the Lithuanian asmens kodas: modulo 11.
    EeIsikukood = "ee_isikukood",
    /// Número de identidad de extranjero: modulo 23.
    EsNie = "es_nie",
    /// Número de identificación fiscal: modulo 23.
    EsNif = "es_nif",
    /// Henkilötunnus: modulo 31.
    FiHetu = "fi_hetu",
    /// Numéro d'inscription au répertoire: modulo 97.
    FrNir = "fr_nir",
    /// Identity card: modulo 11, the check digit in brackets.
    HkId = "hk_id",
    /// Osobni identifikacijski broj: ISO 7064 MOD 11,10.
    HrOib = "hr_oib",
    /// Teudat zehut: Luhn.
    IlId = "il_id",
    /// Aadhaar: Verhoeff.
    InAadhaar = "in_aadhaar",
    /// Goods and Services Tax Identification Number; contains a permanent account number.
    InGstin = "in_gstin",
    /// Permanent Account Number.
    InPan = "in_pan",
    /// Codice fiscale.
    ItCodiceFiscale = "it_codice_fiscale",
    /// My Number.
    JpMyNumber = "jp_my_number",
    /// Registration number of a foreigner.
    KrFrn = "kr_frn",
    /// Resident registration number.
    KrRrn = "kr_rrn",
    /// Clave Única de Registro de Población.
    MxCurp = "mx_curp",
    /// National Identification Number: Verhoeff.
    NgNin = "ng_nin",
    /// Burgerservicenummer: modulo 11.
    NlBsn = "nl_bsn",
    /// Fødselsnummer: two check digits.
    NoFodselsnummer = "no_fodselsnummer",
    /// Taxpayer Identification Number.
    PhTin = "ph_tin",
    /// PESEL: weights 1, 3, 7, 9.
    PlPesel = "pl_pesel",
    /// Número de identificação fiscal: modulo 11.
    PtNif = "pt_nif",
    /// Cod numeric personal: modulo 11.
    RoCnp = "ro_cnp",
    /// SNILS: modulo 101.
    RuSnils = "ru_snils",
    /// Personnummer: Luhn.
    SePersonnummer = "se_personnummer",
    /// National registration identity card or foreign identification number.
    SgNric = "sg_nric",
    /// Identity card: modulo 11.
    ThNationalId = "th_national_id",
    /// T.C. kimlik numarası: two check digits.
    TrNationalId = "tr_national_id",
    /// Identity card: modulo 10.
    TwId = "tw_id",
    /// Driving licence: name and date of birth.
    UkDrivingLicence = "uk_driving_licence",
    /// NHS number: modulo 11.
    UkNhs = "uk_nhs",
    /// National Insurance number.
    UkNino = "uk_nino",
    /// Registration of a prescriber with the Drug Enforcement Administration.
    UsDea = "us_dea",
    /// Individual Taxpayer Identification Number.
    UsItin = "us_itin",
    /// Medicare Beneficiary Identifier.
    UsMbi = "us_mbi",
    /// National Provider Identifier: Luhn with prefix 80840.
    UsNpi = "us_npi",
    /// Identity number: Luhn.
    ZaId = "za_id",
    /// The number of a passport of any state, next to a word for passport.
    Passport = "passport",
}
