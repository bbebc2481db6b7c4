package nmi_test

// What was found wrong with the archived project by reading that is NMI's to do better, or both programs', with the test
// that would catch it here. What is MIC's alone stands beside MIC.
//
//	an identity named by object id is that one or none               TestWhoShouldGetWhat, TestAnIdentityIsNamedInEveryWay
//	an excepted pod's request goes past as it is, ids and all        TestExceptedPodsGoPast
//	no pod goes past because of its name                             TestAPodIsNotExceptedByItsName
//	ids match in any case, in every step                             TestWhoShouldGetWhat, TestChoose (match)
//	identities that all keep to another namespace are a refusal      TestNamespaced
//	an empty selector binds nobody                                   TestManage (match)
//	health and figures are served and no profiler                    TestPortsOfPodIdentityTellNothingElse (cli)
//	what pods ask for makes no metrics without end                   TestPodsCannotMultiplySeries (telemetry)
//	a client that says nothing is not waited for without end         TestAClientThatSaysNothingIsCutOff, TestABodyThatNeverComes
//	what is passed on goes there and nowhere else                    TestPassingOnIsFaithful, TestPassingOnIsBounded
//	a Secret that cannot be read is told as what it is               TestSecretsThatCannotBeRead
//	the credential is the one under its own name                     TestServicePrincipals
//	a certificate that cannot be used is a refusal                   TestCertificates
//	nothing is read while it is written                              every test, by the race detector
//	roles that are no wider than what is used                        TestPermissions (tools/chart)
//	azure.json replaced by a rename, or by a link                    TestAFileIsReadAnewHoweverItChanges, TestASwappedLinkIsFollowed (azurejson)
//	a pod that has finished has nothing                              TestReusedAddresses, TestWhatAPodNeededGoesAfterIt (mic)
//	a client id that is not the resource id's own, or empty          TestConfusedDeputies, TestWhoShouldGetWhat
//	what will never be is refused at once and for good               TestPermanentRefusalsComeAtOnce, TestComingBack
